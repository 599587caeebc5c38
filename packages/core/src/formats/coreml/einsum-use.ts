import type { MilUse } from './operators.ts'

/**
 * What an operand is to an `einsum`: its output channels lie along the axis that only it gives to the
 * result, its input channels along the one that is summed over.
 *
 * @param operand - which of the operands
 * @see https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
 */
export function einsumUse(equation: string | undefined, operand: number): MilUse {
  const [operands = '', result = ''] = (equation ?? '').replaceAll(' ', '').split('->')
  const all = operands.split(',')
  const own = [...(all[operand] ?? '')]
  const others = all.filter((_, at) => at !== operand).join('')
  const outputAxis = own.findIndex((axis) => result.includes(axis) && !others.includes(axis))
  const inputAxis = own.findIndex((axis) => !result.includes(axis) && others.includes(axis))
  return outputAxis < 0 || inputAxis < 0
    ? { role: 'matrix', outputAxis: 0, inputAxis: 1 }
    : { role: 'matrix', outputAxis, inputAxis }
}
