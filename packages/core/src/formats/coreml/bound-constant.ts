import type { Operation, Value } from './generated/coreml_pb.ts'
import type { ProgramOperation } from './program.ts'

/** The value of a parameter that is a literal or a constant with a name; `undefined` for all else. */
export function boundConstant(
  { operation, scope }: Pick<ProgramOperation, 'operation' | 'scope'>,
  parameter: string,
): Value | undefined {
  const input = operation.inputs.find(({ key }) => key === parameter)
  const binding = input?.value?.arguments[0]?.binding
  if (binding?.case === 'value') return binding.value
  const source = binding?.case === 'name' ? scope.get(binding.value)?.operation : undefined
  return source?.type === 'const' ? constantValue(source) : undefined
}

function constantValue({ attributes }: Operation): Value | undefined {
  return attributes.find(({ key }) => key === 'val')?.value
}
