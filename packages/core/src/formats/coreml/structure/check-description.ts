import { ARRAY_DTYPES } from '../feature-types.ts'
import type {
  ArrayFeatureType,
  FeatureDescription,
  MilFunction,
  Model,
  Program,
} from '../generated/coreml_pb.ts'
import type { ProgramWalk } from '../program.ts'
import { mayEqual, shownType, tensorTypeOf } from './tensor-type.ts'
import type { TensorType } from './tensor-type.ts'

/** What a description says of one function. */
type Interface = {
  readonly name: string
  readonly input: readonly FeatureDescription[]
  readonly output: readonly FeatureDescription[]
  readonly state: readonly FeatureDescription[]
}

/** Inputs, outputs and states that are not what the functions have. coremltools never asks. */
export function descriptionProblems(
  model: Model,
  program: Program,
  walk: ProgramWalk,
): readonly string[] {
  return interfacesOf(model).flatMap((described) => {
    const entry = program.functions.find(({ key }) => key === described.name)
    if (entry?.value === undefined) return [`There is no function "${described.name}".`]
    return [
      ...inputProblems(described, entry.value),
      ...outputProblems(described, entry.value, walk),
    ]
  })
}

function interfacesOf({ description }: Model): readonly Interface[] {
  if (description === undefined) return []
  const { functions, input, output, state } = description
  return functions.length > 0 ? functions : [{ name: 'main', input, output, state }]
}

function inputProblems(described: Interface, milFunction: MilFunction): readonly string[] {
  const problems: string[] = []
  const left = new Map(milFunction.inputs.map((input) => [input.name, input.type]))
  for (const { name, type } of [...described.input, ...described.state]) {
    const own = left.get(name)
    left.delete(name)
    if (own === undefined) {
      problems.push(
        `The description has the input "${name}"; the function "${described.name}" has not.`,
      )
      continue
    }
    const isState = own.type.case === 'stateType'
    const array = type?.multiArrayType ?? type?.stateType?.arrayType
    if (isState !== (type?.stateType !== undefined)) {
      problems.push(`"${name}" is a state in ${isState ? 'the program' : 'the description'} only.`)
      continue
    }
    const held = own.type.case === 'stateType' ? own.type.value.wrappedType : own
    problems.push(...arrayProblems(name, array, tensorTypeOf(held)))
  }
  for (const name of left.keys()) {
    problems.push(
      `The function "${described.name}" has the input "${name}"; the description has not.`,
    )
  }
  return problems
}

function outputProblems(
  described: Interface,
  milFunction: MilFunction,
  { definitions }: ProgramWalk,
): readonly string[] {
  const problems: string[] = []
  const block = milFunction.blockSpecializations.find(({ key }) => key === milFunction.opset)?.value
  const left = new Set(block?.outputs)
  for (const { name, type } of described.output) {
    if (!left.delete(name)) {
      problems.push(
        `The description has the output "${name}"; the function "${described.name}" has not.`,
      )
      continue
    }
    const definition = definitions.findLast((each) => each.block === block && each.name === name)
    const own = tensorTypeOf(definition?.operation.outputs[definition.output]?.type)
    problems.push(...arrayProblems(name, type?.multiArrayType, own))
  }
  for (const name of left) {
    problems.push(
      `The function "${described.name}" has the output "${name}"; the description has not.`,
    )
  }
  return problems
}

/** Shapes that may vary are not compared, and neither are pictures. */
function arrayProblems(
  name: string,
  array: ArrayFeatureType | undefined,
  own: TensorType | undefined,
): readonly string[] {
  const dtype = ARRAY_DTYPES.get(array?.dataType ?? 0)
  if (array === undefined || own === undefined || dtype === undefined) return []
  const varies = array.enumeratedShapes !== undefined || array.shapeRange !== undefined
  const isOpen = varies || array.shape.length === 0
  const described = { dtype, dims: isOpen ? own.dims : array.shape.map(Number) }
  if (mayEqual(described, own)) return []
  return [
    `The description says that "${name}" is ${shownType(described)}; it is ${shownType(own)}.`,
  ]
}
