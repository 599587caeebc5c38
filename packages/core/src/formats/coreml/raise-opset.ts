import type { Block, Operation, Program, Value } from './generated/coreml_pb.ts'
import { boundConstant } from './bound-constant.ts'
import { immediateIntegers } from './immediate.ts'
import { argument, booleanValue, constant, integerValue, stringValue } from './make-values.ts'
import { opsetOf, specOfOpset } from './program-facts.ts'
import type { ProgramOperation, ProgramWalk } from './program.ts'
import { COREML_SPECS, NEWEST_SPEC } from '../../targets/coreml-versions.ts'

/** How far the operator set of a program can be raised, and what stands in the way. */
export type HighestSpec = { readonly spec: number; readonly reason: string | null }

const [IOS16, IOS17] = [COREML_SPECS['coreml-ios16'], COREML_SPECS['coreml-ios17']]

/** Reads a parameter of the operation that is a constant integer or truth value. */
type ReadParameter = (name: string) => number | undefined

/** A parameter that an operator set brought, with what operations did before; null: left out. */
type NewParameter = {
  readonly name: string
  readonly since: number
  readonly value: (read: ReadParameter) => Value | null
}

const VALIDATE_INDICES: NewParameter = {
  name: 'validate_indices',
  since: IOS17,
  value: () => booleanValue(false),
}

const BATCH_DIMS: NewParameter = { name: 'batch_dims', since: IOS16, value: () => integerValue(0) }

const OUTPUT_DTYPE: NewParameter = {
  name: 'output_dtype',
  since: IOS17,
  value: () => stringValue('int32'),
}

/**
 * Parameters that operations got later. coremltools calls them optional; Core ML's compiler wants them
 * written out.
 *
 * @see https://github.com/apple/coremltools/issues/2127
 * @see https://github.com/apple/coremltools/tree/main/coremltools/converters/mil/mil/ops/defs
 */
const NEW_PARAMETERS: Readonly<Record<string, readonly NewParameter[]>> = {
  gather: [BATCH_DIMS, VALIDATE_INDICES],
  gather_along_axis: [VALIDATE_INDICES],
  gather_nd: [BATCH_DIMS, VALIDATE_INDICES],
  gru: [{ name: 'reset_after', since: IOS17 + 1, value: () => booleanValue(false) }],
  reduce_argmax: [OUTPUT_DTYPE],
  reduce_argmin: [OUTPUT_DTYPE],
  scatter: [VALIDATE_INDICES],
  scatter_along_axis: [VALIDATE_INDICES],
  scatter_nd: [VALIDATE_INDICES],
  topk: [
    { name: 'sort', since: IOS16, value: () => booleanValue(true) },
    { name: 'return_indices', since: IOS16, value: () => booleanValue(true) },
    {
      name: 'output_indices_dtype',
      since: IOS17,
      value: (read) => (read('return_indices') === 0 ? null : stringValue('int32')),
    },
  ],
  upsample_bilinear: [
    {
      name: 'half_pixel_centers',
      since: IOS16,
      value: (read) => booleanValue((read('align_corners') ?? 1) === 0),
    },
  ],
}

/** Operations whose inputs and outputs became others in iOS 17. */
const REPLACED: ReadonlySet<string> = new Set(['crop_resize', 'non_maximum_suppression'])

/** Operations that count negative indices from the end before iOS 17, and not from then on. */
const INDEXED: ReadonlySet<string> = new Set([
  'gather',
  'gather_along_axis',
  'gather_nd',
  'scatter',
  'scatter_along_axis',
  'scatter_nd',
])

/**
 * How far a program can be raised without changing what it computes.
 *
 * @param unmovable - an operation of iOS 16 that cannot be written as iOS 18 has it
 */
export function highestSpec(
  program: Program,
  walk: ProgramWalk,
  unmovable: Operation | undefined,
): HighestSpec {
  const specs = new Map(
    program.functions.map(({ key, value }) => [key, specOfOpset(value?.opset ?? '')]),
  )
  const limits = [...functionLimits(program), ...operationLimits(walk, specs)]
  if (unmovable !== undefined) {
    const name = unmovable.outputs[0]?.name ?? ''
    const reason = `${unmovable.type} ("${name}") is written as iOS 18 no longer reads it`
    // Functions that are there already need not be raised.
    limits.push({ spec: Math.max(IOS17, Math.min(...specs.values())), reason })
  }
  const free: HighestSpec = { spec: NEWEST_SPEC, reason: null }
  return limits.reduce((least, limit) => (limit.spec < least.spec ? limit : least), free)
}

/** What keeps whole functions where they are. */
function functionLimits({ functions }: Program): readonly HighestSpec[] {
  return functions.flatMap(({ key, value }): readonly HighestSpec[] => {
    if (value === undefined) return []
    const spec = specOfOpset(value.opset)
    if (spec === 0) {
      const reason = `the function "${key}" has the operator set "${value.opset}", which Mixbit does not know`
      return [{ spec, reason }]
    }
    if (value.blockSpecializations.length === 1) return []
    return [{ spec, reason: `the function "${key}" has blocks for several operator sets` }]
  })
}

/** What keeps functions below iOS 17, because of one of their operations. */
function operationLimits(
  { operations }: ProgramWalk,
  specs: ReadonlyMap<string, number>,
): HighestSpec[] {
  return operations.flatMap((each) => {
    const reason = (specs.get(each.function) ?? 0) >= IOS17 ? null : obstacle(each)
    return reason === null ? [] : [{ spec: IOS16, reason }]
  })
}

function obstacle(each: ProgramOperation): string | null {
  const { operation } = each
  const { type } = operation
  const name = operation.outputs[0]?.name ?? type
  if (REPLACED.has(type)) return `${type} ("${name}") has other inputs and outputs from iOS 17 on`
  if (!INDEXED.has(type)) return null
  const indices = immediateIntegers(boundConstant(each, 'indices'))
  return indices?.some((index) => index < 0) === true
    ? `${type} ("${name}") has negative indices, which iOS 17 does not count from the end`
    : null
}

export type Raising = {
  readonly spec: number
  /** The program that is raised, walked. */
  readonly walk: ProgramWalk
  /** A name like `base` that no value has. */
  readonly fresh: (base: string) => string
}

/** Raises all functions of a program below `spec`; operations stay what they are. */
export function raiseProgram(program: Program, { spec, walk, fresh }: Raising): void {
  const scopes = new Map(walk.operations.map(({ operation, scope }) => [operation, scope]))
  for (const { value } of program.functions) {
    const from = specOfOpset(value?.opset ?? '')
    if (value === undefined || from === 0 || from >= spec) continue
    for (const entry of value.blockSpecializations) {
      if (entry.key === value.opset) entry.key = opsetOf(spec)
      if (entry.value === undefined) continue
      addParameters(entry.value, { from, spec, fresh, scopes })
    }
    value.opset = opsetOf(spec)
  }
}

type Adding = {
  readonly from: number
  readonly spec: number
  readonly fresh: (base: string) => string
  readonly scopes: ReadonlyMap<Operation, ProgramOperation['scope']>
}

/** Writes new parameters out, each as a constant before its operation. */
function addParameters(block: Block, adding: Adding): void {
  block.operations = block.operations.flatMap((operation) => {
    for (const inner of operation.blocks) addParameters(inner, adding)
    return [...newConstants(operation, adding), operation]
  })
}

function newConstants(operation: Operation, { from, spec, fresh, scopes }: Adding): Operation[] {
  const known = Object.hasOwn(NEW_PARAMETERS, operation.type)
  const parameters = known ? (NEW_PARAMETERS[operation.type] ?? []) : []
  const scope = scopes.get(operation) ?? new Map()
  const constants: Operation[] = []
  for (const { name, since, value } of parameters) {
    if (since <= from || since > spec) continue
    if (operation.inputs.some(({ key }) => key === name)) continue
    const added = value((key) => immediateIntegers(boundConstant({ operation, scope }, key))?.[0])
    if (added === null) continue
    const constantName = fresh(`${operation.outputs[0]?.name ?? operation.type}_${name}`)
    constants.push(constant(constantName, added))
    operation.inputs.push(argument(name, constantName))
  }
  return constants
}
