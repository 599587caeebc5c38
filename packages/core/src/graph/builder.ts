import type { DType } from '../tensor/dtype.ts'
import type { Attribute, Constant, Dimension, Graph, GraphWeight, Node, Value } from './graph.ts'

/** What a node may say beyond its operator and inputs. */
export type CallOptions = {
  /** Where in the model the node stands, as a path of names; also starts the names of its outputs. */
  readonly at: string
  readonly attributes?: Readonly<Record<string, Attribute>>
  readonly domain?: string
}

/**
 * Builds a graph node by node. Every function returns value names, so an expression reads like
 * the model's own code. Names follow from `at` and the operator and never repeat.
 */
export type GraphBuilder = {
  readonly input: (name: string, dtype: DType, shape: readonly Dimension[]) => string
  /** Declares a computed value as an output of the graph and gives it the output's name. */
  readonly output: (value: string, name: string, dtype: DType, shape: readonly Dimension[]) => void
  /** Adds a trained tensor; the same tensor may be added again. */
  readonly weight: (name: string, weight: GraphWeight) => string
  /** int64 values: a vector, or a scalar for a single number. */
  readonly integers: (values: readonly number[] | number) => string
  /** A float32 scalar. */
  readonly float: (value: number) => string
  readonly floats: (shape: readonly number[], values: readonly number[]) => string
  /** Calls an operator with one output. */
  readonly call: (op: string, inputs: readonly string[], options: CallOptions) => string
  /** Calls an operator with several outputs. */
  readonly callMany: (
    op: string,
    inputs: readonly string[],
    count: number,
    options: CallOptions,
  ) => readonly string[]
  readonly build: () => Graph
}

export function graphBuilder(name: string, opset: number): GraphBuilder {
  const inputs: Value[] = []
  const outputs: Value[] = []
  const weights = new Map<string, GraphWeight>()
  const names = nameTable(name)
  const { constants, ...makeConstants } = constantTable(names)
  const nodeOutputs = nodeList(names)
  const { call, callMany } = nodeOutputs
  return {
    input(value, dtype, shape) {
      inputs.push({ name: names.define(value), dtype, shape })
      return value
    },
    output(value, output, dtype, shape) {
      nodeOutputs.rename(value, names.define(output))
      outputs.push({ name: output, dtype, shape })
    },
    weight(value, weight) {
      const known = weights.get(value)
      if (known && known.weight !== weight.weight) throw new TypeError(`Weight "${value}" differs.`)
      if (!known) weights.set(names.define(value), weight)
      return value
    },
    ...makeConstants,
    call,
    callMany,
    build: () => ({
      name,
      opset,
      inputs,
      outputs,
      nodes: nodeOutputs.renamed(),
      weights,
      constants,
    }),
  }
}

type NameTable = {
  readonly define: (value: string) => string
  readonly require: (value: string) => void
  /** `base`, with a number behind it when it is taken. */
  readonly unused: (base: string) => string
}

function nameTable(graph: string): NameTable {
  const defined = new Set<string>()
  return {
    define(value) {
      if (defined.has(value)) throw new TypeError(`"${value}" is defined twice in "${graph}".`)
      defined.add(value)
      return value
    },
    require(value) {
      if (!defined.has(value)) throw new TypeError(`"${value}" is not defined in "${graph}".`)
    },
    unused(base) {
      let candidate = base
      for (let count = 2; defined.has(candidate); count++) candidate = `${base}_${count}`
      return candidate
    },
  }
}

type ConstantTable = Pick<GraphBuilder, 'integers' | 'float' | 'floats'> & Pick<Graph, 'constants'>

function constantTable(names: NameTable): ConstantTable {
  const constants = new Map<string, Constant>()
  const add = (label: string, value: Constant): string => {
    if (!constants.has(label)) constants.set(names.define(label), value)
    return label
  }
  return {
    constants,
    integers(values) {
      if (typeof values === 'number') {
        return add(`int64:${values}`, { dtype: 'int64', shape: [], values: [values] })
      }
      const label = `int64[${values.length}]:${values.join(',')}`
      return add(label, { dtype: 'int64', shape: [values.length], values })
    },
    float(value) {
      return add(`float32:${value}`, { dtype: 'float32', shape: [], values: [value] })
    },
    floats(shape, values) {
      return add(names.unused(`float32[${shape.join(',')}]`), { dtype: 'float32', shape, values })
    },
  }
}

type NodeList = Pick<GraphBuilder, 'call' | 'callMany'> & {
  readonly rename: (value: string, name: string) => void
  /** The nodes in order, with the names that `rename` gave. */
  readonly renamed: () => readonly Node[]
}

function nodeList(names: NameTable): NodeList {
  const nodes: Node[] = []
  const computed = new Set<string>()
  const newNames = new Map<string, string>()
  const nameOf = (value: string): string => newNames.get(value) ?? value
  const add = (node: Node): void => {
    for (const input of node.inputs) if (input !== '') names.require(input)
    for (const output of node.outputs) computed.add(names.define(output))
    nodes.push(node)
  }
  const facts = (options: CallOptions): Pick<Node, 'domain' | 'attributes'> => ({
    domain: options.domain ?? '',
    attributes: options.attributes ?? {},
  })
  return {
    rename(value, name) {
      if (!computed.delete(value)) throw new TypeError(`"${value}" cannot become "${name}".`)
      newNames.set(value, name)
    },
    renamed: () =>
      nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(nameOf),
        outputs: node.outputs.map(nameOf),
      })),
    call(op, inputs, options) {
      const name = names.unused(`${options.at}/${op}`)
      add({ name, op, inputs, outputs: [name], ...facts(options) })
      return name
    },
    callMany(op, inputs, count, options) {
      const name = names.define(names.unused(`${options.at}/${op}`))
      const outputs = Array.from({ length: count }, (_, i) => `${name}:${i}`)
      add({ name, op, inputs, outputs, ...facts(options) })
      return outputs
    },
  }
}

/** An integer attribute. */
export function int(value: number): Attribute {
  return { kind: 'int', value }
}

/** A list of integers as an attribute. */
export function ints(value: readonly number[]): Attribute {
  return { kind: 'ints', value }
}

/** A float32 attribute. */
export function float(value: number): Attribute {
  return { kind: 'float', value }
}
