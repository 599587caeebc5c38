import { create } from '@bufbuild/protobuf'

import { ensure } from '../../../base/error.ts'
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
} from '../generated/onnx_pb.ts'
import { IR_WITH_FREE_INITIALIZERS, raiseIr } from './ir-version.ts'
import { collectNames } from './names.ts'
import { editNode, labelOf, subgraphsOf } from './node-edit.ts'
import { NEWEST_OPSET, OPERATOR_HISTORY } from './operator-history.ts'
import { ruleFor } from './rules.ts'
import { RUNTIME_OPERATORS, WITHOUT_KERNEL_SINCE } from './runtime-facts.ts'
import { functionScope, graphScope, type ModelFacts, type OpenScope } from './scope.ts'

/** A node that keeps a model at its operator set. */
export type BlockedNode = { readonly node: string; readonly op: string; readonly reason: string }

/** The raised model and what changed in it, or the nodes for which there is no way. */
export type RaisedOpset =
  | { readonly model: ModelProto; readonly changes: readonly string[] }
  | { readonly blockedBy: readonly BlockedNode[] }

/**
 * Attributes that no rule reads, or that become an input as they are: only these may be taken from
 * the attributes of a function.
 */
const PASSED_ON: ReadonlySet<string> = new Set([
  'axes',
  'ends',
  'epsilon',
  'keepdims',
  'momentum',
  'pads',
  'split',
  'starts',
])

/**
 * Brings a model to the operator set `target` of ai.onnx: every node whose operator changed on the way
 * is rewritten so that it gives the same numbers, in nested graphs and functions too. The model that
 * comes in stays as it is and shares its tensors with the one that comes out; a model that is there
 * already comes back unchanged.
 */
export function raiseOpset(model: ModelProto, target: number): RaisedOpset {
  ensure(
    Number.isInteger(target) && target >= 1 && target <= NEWEST_OPSET,
    'unsupported-version',
    `Operator set ${target} is not known; sets 1 to ${NEWEST_OPSET} are.`,
    { opset: target, newest: NEWEST_OPSET },
  )
  if (opsetOf(model.opsetImport) >= target && !model.functions.some((f) => isBelow(f, target))) {
    return { model, changes: [] }
  }
  const raising = startRaising(model, target)
  const raised = raiseModel(model, raising)
  return raising.blockedBy.size > 0
    ? { blockedBy: [...raising.blockedBy.values()] }
    : { model: raised, changes: raising.changes }
}

/** The operator set of ai.onnx that a model or function imports; 1 when it imports none. */
export function opsetOf(imports: readonly OperatorSetIdProto[]): number {
  const found = imports.find(({ domain }) => isOnnxDomain(domain))
  return found === undefined ? 1 : Math.max(1, Number(found.version))
}

type Raising = ModelFacts & {
  readonly changes: string[]
  /** By operator and name. */
  readonly blockedBy: Map<string, BlockedNode>
  /** Functions of the model, which may bear the name of any operator. */
  readonly functions: ReadonlySet<string>
}

function startRaising(model: ModelProto, target: number): Raising {
  const graphs = model.graph === undefined ? [] : [model.graph]
  return {
    target,
    names: collectNames([...graphs, ...model.functions]),
    inputsAreFixed: model.irVersion < IR_WITH_FREE_INITIALIZERS,
    changes: [],
    blockedBy: new Map(),
    functions: new Set(model.functions.map(({ domain, name }) => `${domain}:${name}`)),
  }
}

function raiseModel(model: ModelProto, raising: Raising): ModelProto {
  const { target, changes, blockedBy } = raising
  const raised = Object.assign(create(ModelProtoSchema), model)
  const opset = opsetOf(model.opsetImport)
  if (model.trainingInfo.length > 0) {
    blockedBy.set('', { node: '', op: '', reason: 'the model holds graphs for training' })
  }
  if (opset < target) {
    if (model.graph !== undefined) raised.graph = raiseGraphTo(model.graph, opset, raising)
    raised.opsetImport = raiseImports(model.opsetImport, target)
    changes.push(`operator set ${opset} of ai.onnx becomes ${target}`)
  }
  raised.functions = model.functions.map((body) =>
    isBelow(body, target) ? raiseFunction(body, raising) : body,
  )
  changes.push(...raiseIr(raised, target))
  return raised
}

function raiseImports(
  imports: readonly OperatorSetIdProto[],
  target: number,
): OperatorSetIdProto[] {
  const others = imports.filter(({ domain }) => !isOnnxDomain(domain))
  return [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(target) }), ...others]
}

function raiseGraphTo(graph: GraphProto, from: number, raising: Raising): GraphProto {
  let raised = graph
  for (let version = from + 1; version <= raising.target; version++) {
    raised = raiseGraph(raised, version, raising)
  }
  return raised
}

function raiseFunction(body: FunctionProto, raising: Raising): FunctionProto {
  const { target } = raising
  let raised = Object.assign(create(FunctionProtoSchema), body)
  for (let version = opsetOf(body.opsetImport) + 1; version <= target; version++) {
    const scope = functionScope(raised, raising)
    const node = raised.node.flatMap((old) => raiseNode(old, version, scope, raising))
    raised = Object.assign(create(FunctionProtoSchema), raised, { node })
  }
  raised.opsetImport = raiseImports(body.opsetImport, target)
  return raised
}

/** Takes a graph of set `version - 1` to set `version`. */
function raiseGraph(
  graph: GraphProto,
  version: number,
  raising: Raising,
  outer?: OpenScope,
): GraphProto {
  const scope = graphScope(graph, raising, outer)
  const node = graph.node.flatMap((old) => raiseNode(old, version, scope, raising))
  if (node.length === graph.node.length && node.every((raised, i) => raised === graph.node[i])) {
    return graph
  }
  const initializer = [...graph.initializer, ...scope.initializers]
  return Object.assign(create(GraphProtoSchema), graph, { node, initializer })
}

function raiseNode(
  node: NodeProto,
  version: number,
  scope: OpenScope,
  raising: Raising,
): readonly NodeProto[] {
  const inner = raiseSubgraphs(node, version, scope, raising)
  if (!isOnnxDomain(node.domain) || raising.functions.has(`${node.domain}:${node.opType}`)) {
    return [inner]
  }
  const reason = obstacle(node, version, raising.target)
  const rule = needsRule(node.opType, version) ? ruleFor(node.opType, version) : undefined
  if (reason !== undefined || rule === undefined) {
    if (reason !== undefined) block(node, reason, raising)
    return [inner]
  }
  const rewrite = rule(inner, scope)
  const added = scope.takeNodes()
  if ('blocked' in rewrite) {
    block(node, `${rewrite.blocked} (operator set ${version})`, raising)
    return [inner]
  }
  if (rewrite.nodes.length === 1 && rewrite.nodes[0] === inner) return rewrite.nodes
  const ops = rewrite.nodes.map(({ opType }) => opType).join(', ')
  raising.changes.push(`${node.opType} "${labelOf(node)}" becomes ${ops} of set ${version}`)
  return [...added, ...rewrite.nodes]
}

/** Why a node cannot go to set `version` by any rule; `undefined` when nothing stands in the way. */
function obstacle(node: NodeProto, version: number, target: number): string | undefined {
  const { opType } = node
  if (RUNTIME_OPERATORS.has(opType)) return undefined
  const history = Object.hasOwn(OPERATOR_HISTORY, opType) ? OPERATOR_HISTORY[opType] : undefined
  if (history === undefined || history.first >= version) {
    return `ai.onnx has no such operator in set ${version - 1}`
  }
  const gap = WITHOUT_KERNEL_SINCE.get(opType)
  if (gap !== undefined && version <= gap && gap <= target) {
    return `ONNX Runtime does not run it as of operator set ${gap}`
  }
  if (!needsRule(opType, version)) return undefined
  const passed = node.attribute.find((a) => a.refAttrName !== '' && !PASSED_ON.has(a.name))
  if (passed !== undefined) return `its attribute ${passed.name} is one of the function around it`
  return ruleFor(opType, version) === undefined
    ? `there is no rule for its change in operator set ${version}`
    : undefined
}

function needsRule(op: string, version: number): boolean {
  const history = Object.hasOwn(OPERATOR_HISTORY, op) ? OPERATOR_HISTORY[op] : undefined
  return history?.changed.includes(version) ?? false
}

function block(node: NodeProto, reason: string, { blockedBy }: Raising): void {
  const key = `${node.opType}:${labelOf(node)}`
  // What stopped a node first says why; what comes after may only follow from it.
  if (!blockedBy.has(key)) blockedBy.set(key, { node: labelOf(node), op: node.opType, reason })
}

function raiseSubgraphs(
  node: NodeProto,
  version: number,
  scope: OpenScope,
  raising: Raising,
): NodeProto {
  if (subgraphsOf(node).length === 0) return node
  const raise = (graph: GraphProto): GraphProto => raiseGraph(graph, version, raising, scope)
  const attribute = node.attribute.map((old) => raiseAttribute(old, raise))
  if (attribute.every((raised, i) => raised === node.attribute[i])) return node
  return Object.assign(editNode(node, {}), { attribute })
}

function raiseAttribute(
  attribute: AttributeProto,
  raise: (graph: GraphProto) => GraphProto,
): AttributeProto {
  const g = attribute.g === undefined ? undefined : raise(attribute.g)
  const graphs = attribute.graphs.map(raise)
  if (g === attribute.g && graphs.every((graph, i) => graph === attribute.graphs[i])) {
    return attribute
  }
  const raised = Object.assign(create(AttributeProtoSchema), attribute, { graphs })
  if (g !== undefined) raised.g = g
  return raised
}

function isBelow(body: FunctionProto, target: number): boolean {
  const opset = body.opsetImport.find(({ domain }) => isOnnxDomain(domain))
  return opset !== undefined && Number(opset.version) < target
}

function isOnnxDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx'
}
