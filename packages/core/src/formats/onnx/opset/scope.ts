import { create } from '@bufbuild/protobuf'

import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../generated/onnx_pb.ts'
import { constantTensor, tensorNumbers, type NewConstant } from './constants.ts'
import { outputTypes } from './element-types.ts'
import { newName } from './names.ts'
import { attributeOf, subgraphsOf } from './node-edit.ts'

/** What a rule may ask about the values around its node, and how it adds constants. */
export type Scope = {
  /** The operator set that the model is on its way to. */
  readonly target: number
  /** The numbers of a constant; `undefined` when it is computed or not in the message. */
  readonly numbers: (value: string) => readonly number[] | undefined
  /** ONNX element type; `undefined` when not known. */
  readonly elementType: (value: string) => number | undefined
  /** Declared sizes; `undefined` in it is a size known at run time only. */
  readonly shape: (value: string) => readonly (number | undefined)[] | undefined
  /** Whether a node reads the value or it is an output of the graph. */
  readonly isRead: (value: string) => boolean
  /** A value name that the whole model does not have yet, made from `base`. */
  readonly newName: (base: string) => string
  /** Adds a constant, by a new name made from `base`, and returns the name. */
  readonly constant: (base: string, constant: NewConstant) => string
  /** Puts a node before the one that is being rewritten. */
  readonly before: (node: NodeProto) => void
}

/** A scope, and what its rules added. */
export type OpenScope = Scope & {
  /** Initializers that the rules added. */
  readonly initializers: readonly TensorProto[]
  /** Nodes to put before the one just rewritten; the call empties the list. */
  readonly takeNodes: () => readonly NodeProto[]
}

/** What all scopes of a model share. */
export type ModelFacts = {
  readonly target: number
  /** Every name in the model; new names join it. */
  readonly names: Set<string>
  /** Whether an initializer that is also an input is still a constant: so before IR version 4. */
  readonly inputsAreFixed: boolean
}

/** The scope of a graph; values that it does not have are looked up in `outer`. */
export function graphScope(graph: GraphProto, facts: ModelFacts, outer?: Scope): OpenScope {
  const constants = constantsOf(graph, facts)
  const declared = new Map([
    ...graph.valueInfo.map((info) => [info.name, info] as const),
    ...graph.output.map((info) => [info.name, info] as const),
    ...graph.input.map((info) => [info.name, info] as const),
  ])
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  const added: TensorProto[] = []
  const base = bodyScope(graph, facts, (value) => {
    const type = declared.get(value)?.type?.value
    if (type?.case === 'tensorType') return type.value.elemType
    return initializers.get(value)?.dataType ?? outer?.elementType(value)
  })
  return {
    ...base,
    initializers: added,
    numbers: (value) => constants().get(value) ?? outer?.numbers(value),
    shape: (value) =>
      initializers.get(value)?.dims.map(Number) ??
      declaredShape(declared.get(value)) ??
      outer?.shape(value),
    constant: (name, constant) => {
      const tensor = constantTensor(base.newName(name), constant)
      added.push(tensor)
      return tensor.name
    },
  }
}

/** The scope of a function's body: nothing is known of its inputs, constants become nodes. */
export function functionScope(body: FunctionProto, facts: ModelFacts): OpenScope {
  const base = bodyScope(body, facts, () => undefined)
  return {
    ...base,
    initializers: [],
    numbers: once(() => constantNodes(body.node)),
    shape: () => undefined,
    constant: (name, constant) => {
      const tensor = constantTensor(base.newName(name), constant)
      base.before(constantNode(tensor))
      return tensor.name
    },
  }

  function once(
    make: () => ReadonlyMap<string, readonly number[]>,
  ): (value: string) => readonly number[] | undefined {
    const lazy = lazily(make)
    return (value) => lazy().get(value)
  }
}

type SharedScope = Omit<OpenScope, 'numbers' | 'shape' | 'constant' | 'initializers'>

function bodyScope(
  body: GraphProto | FunctionProto,
  facts: ModelFacts,
  declaredType: (value: string) => number | undefined,
): SharedScope {
  const pending: NodeProto[] = []
  const types = lazily(() => inferTypes(body.node, declaredType))
  const read = lazily(() => readNames(body))
  return {
    target: facts.target,
    elementType: (value) => declaredType(value) ?? types().get(value),
    isRead: (value) => read().has(value),
    newName: (base) => newName(base, facts.names),
    before: (node) => {
      pending.push(node)
    },
    takeNodes: () => pending.splice(0),
  }
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

/** Element types of what nodes compute, in one pass from first to last. */
function inferTypes(
  nodes: readonly NodeProto[],
  declaredType: (value: string) => number | undefined,
): ReadonlyMap<string, number> {
  const types = new Map<string, number>()
  const typeOf = (value: string): number | undefined => declaredType(value) ?? types.get(value)
  for (const node of nodes) {
    for (const [i, type] of outputTypes(node, typeOf).entries()) {
      const name = node.output[i] ?? ''
      if (type !== undefined && name !== '') types.set(name, type)
    }
  }
  return types
}

function readNames(body: GraphProto | FunctionProto): ReadonlySet<string> {
  const names = new Set<string>()
  for (const output of body.output) names.add(typeof output === 'string' ? output : output.name)
  const visit = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      for (const name of node.input) names.add(name)
      for (const graph of subgraphsOf(node)) {
        for (const { name } of graph.output) names.add(name)
        visit(graph.node)
      }
    }
  }
  visit(body.node)
  return names
}

function constantsOf(
  graph: GraphProto,
  facts: ModelFacts,
): () => ReadonlyMap<string, readonly number[]> {
  return lazily(() => {
    const numbers = new Map(constantNodes(graph.node))
    const inputs = new Set(facts.inputsAreFixed ? [] : graph.input.map(({ name }) => name))
    for (const tensor of graph.initializer) {
      const values = inputs.has(tensor.name) ? undefined : tensorNumbers(tensor)
      if (values !== undefined) numbers.set(tensor.name, values)
    }
    return numbers
  })
}

function constantNodes(nodes: readonly NodeProto[]): ReadonlyMap<string, readonly number[]> {
  const numbers = new Map<string, readonly number[]>()
  for (const node of nodes) {
    if (node.opType !== 'Constant' || node.attribute.some((a) => a.refAttrName !== '')) continue
    const values = constantNumbers(node)
    if (values !== undefined) numbers.set(node.output[0] ?? '', values)
  }
  return numbers
}

function constantNumbers(node: NodeProto): readonly number[] | undefined {
  const tensor = attributeOf(node, 'value')?.t
  if (tensor !== undefined) return tensorNumbers(tensor)
  const [attribute] = node.attribute
  if (attribute === undefined) return undefined
  if (attribute.name === 'value_floats') return attribute.floats
  if (attribute.name === 'value_ints') return attribute.ints.map(Number)
  if (attribute.name === 'value_float') return [attribute.f]
  return attribute.name === 'value_int' ? [Number(attribute.i)] : undefined
}

function declaredShape(
  info: ValueInfoProto | undefined,
): readonly (number | undefined)[] | undefined {
  const type = info?.type?.value
  if (type?.case !== 'tensorType') return undefined
  return type.value.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : undefined,
  )
}

function constantNode(tensor: TensorProto): NodeProto {
  return create(NodeProtoSchema, {
    opType: 'Constant',
    name: tensor.name,
    output: [tensor.name],
    attribute: [
      create(AttributeProtoSchema, {
        name: 'value',
        type: AttributeProto_AttributeType.TENSOR,
        t: tensor,
      }),
    ],
  })
}
