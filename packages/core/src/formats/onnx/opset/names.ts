import type { FunctionProto, GraphProto } from '../generated/onnx_pb.ts'
import { subgraphsOf } from './node-edit.ts'

/** Every name that values and nodes of a model have, nested graphs included. */
export function collectNames(
  bodies: readonly (GraphProto | FunctionProto)[],
  names: Set<string> = new Set(),
): Set<string> {
  for (const body of bodies) {
    for (const node of body.node) {
      for (const name of [node.name, ...node.input, ...node.output]) names.add(name)
      collectNames(subgraphsOf(node), names)
    }
    if (body.$typeName === 'onnx.FunctionProto') {
      for (const name of [...body.input, ...body.output]) names.add(name)
      continue
    }
    for (const { name } of [...body.initializer, ...body.input, ...body.output, ...body.valueInfo])
      names.add(name)
    for (const { values } of body.sparseInitializer) names.add(values?.name ?? '')
  }
  return names
}

/** A name that is not in `names` yet, made from `base`; it joins them. */
export function newName(base: string, names: Set<string>): string {
  let name = base
  for (let i = 1; names.has(name); i++) name = `${base}_${i}`
  names.add(name)
  return name
}
