import type {
  CoremlAffineForm,
  CoremlFloatForm,
  CoremlForm,
  CoremlPaletteForm,
  CoremlPartName,
  CoremlSparseForm,
} from './form-types.ts'
import type { Operation, Value } from './generated/coreml_pb.ts'
import {
  constant,
  integerValue,
  makeOperation,
  output,
  sizesValue,
  stringValue,
} from './make-values.ts'
import type { Bound } from './make-values.ts'
import { staticTensor } from './value-types.ts'
import type { StaticTensor } from './value-types.ts'

/** Where a weight's operations go. */
export type OperationNames = {
  /** The value that the operators around the weight read. */
  readonly name: string
  /** A name like `base` that the program does not have yet. */
  readonly fresh: (base: string) => string
}

/** What each part of a form is in the program: a literal or a reference to a blob. */
export type PartValues = ReadonlyMap<CoremlPartName, Value>

/** The operations of a form; the last one gives the weight under its name. */
export function formOperations(
  form: CoremlForm,
  values: PartValues,
  names: OperationNames,
): readonly Operation[] {
  switch (form.kind) {
    case 'float':
      return [floatOperation(form, values, names.name)]
    case 'affine':
      return [affineOperation(form, values, names)]
    case 'palette':
      return paletteOperations(form, values, names)
    case 'sparse':
      return sparseOperations(form, values, names)
  }
}

function floatOperation(form: CoremlFloatForm, values: PartValues, name: string): Operation {
  const data = valueOf(values, 'data')
  if (form.style === 'plain') return constant(name, data)
  const parameters = { source_val: data, output_dtype: stringValue('fp32') }
  return constexpr('constexpr_cast', form, name, parameters)
}

function affineOperation(
  form: CoremlAffineForm,
  values: PartValues,
  { name }: OperationNames,
): Operation {
  const data = valueOf(values, 'data')
  const scale = valueOf(values, 'scale')
  if (form.style === 'attributes') {
    const [axis = 0] = form.shape.flatMap((size, at) => (form.block[at] === size ? [] : [at]))
    return constexpr('constexpr_affine_dequantize', form, name, {
      quantized_data: data,
      zero_point: valueOf(values, 'offset'),
      scale,
      axis: integerValue(axis),
    })
  }
  return constexpr('constexpr_blockwise_shift_scale', form, name, {
    data,
    scale,
    ...offsetOf(values),
  })
}

function offsetOf(values: PartValues): Readonly<Record<string, Value>> {
  const offset = values.get('offset')
  return offset === undefined ? {} : { offset }
}

function paletteOperations(
  form: CoremlPaletteForm,
  values: PartValues,
  names: OperationNames,
): readonly Operation[] {
  const indices = valueOf(values, 'indices')
  if (form.style === 'attributes') {
    const lut = valueOf(values, 'table')
    const shape = sizesValue(form.shape)
    return [constexpr('constexpr_lut_to_dense', form, names.name, { indices, lut, shape })]
  }
  const { operations, lut } = tableOperations(form, values, names)
  const parameters = { indices, lut, ...vectorAxisOf(form) }
  return [...operations, constexpr('constexpr_lut_to_dense', form, names.name, parameters)]
}

function vectorAxisOf({ vector }: CoremlPaletteForm): Readonly<Record<string, Value>> {
  return vector.size === 1 ? {} : { vector_axis: integerValue(vector.axis) }
}

/** A table as it is stored, or scaled by an operation of its own. */
function tableOperations(
  form: CoremlPaletteForm,
  values: PartValues,
  { name, fresh }: OperationNames,
): { readonly operations: readonly Operation[]; readonly lut: Bound } {
  const table = valueOf(values, 'table')
  if (form.table === 'float') return { operations: [], lut: table }
  const scaled = fresh(`${name}_lut`)
  const operation = makeOperation({
    type: 'constexpr_blockwise_shift_scale',
    name: scaled,
    inputs: { data: table, scale: valueOf(values, 'table scale') },
    outputs: [output(scaled, { dtype: form.dtype, shape: typeOf(table).shape })],
  })
  return { operations: [operation], lut: scaled }
}

function sparseOperations(
  form: CoremlSparseForm,
  values: PartValues,
  names: OperationNames,
): readonly Operation[] {
  const mask = valueOf(values, 'mask')
  if (form.values.kind === 'float') {
    const nonzero = valueOf(values, 'data')
    const shape = form.style === 'attributes' ? { shape: sizesValue(form.shape) } : {}
    const parameters = { nonzero_data: nonzero, mask, ...shape }
    return [constexpr('constexpr_sparse_to_dense', form, names.name, parameters)]
  }
  const kept = names.fresh(`${names.name}_nonzero`)
  const outputs = [
    output(names.fresh(`${names.name}_mask`), typeOf(mask)),
    output(kept, { dtype: form.dtype, shape: keptShape(values) }),
  ]
  const inner =
    form.values.kind === 'affine'
      ? [
          makeOperation({
            type: 'constexpr_sparse_blockwise_shift_scale',
            name: kept,
            inputs: {
              data_mask: mask,
              nonzero_data: valueOf(values, 'data'),
              scale: valueOf(values, 'scale'),
              ...offsetOf(values),
            },
            outputs,
          }),
        ]
      : sparseTable(form.values, values, { names, kept, outputs })
  const parameters = { nonzero_data: kept, mask: outputs[0]?.name ?? '' }
  return [...inner, constexpr('constexpr_sparse_to_dense', form, names.name, parameters)]
}

function sparseTable(
  form: CoremlPaletteForm,
  values: PartValues,
  {
    names,
    kept,
    outputs,
  }: {
    readonly names: OperationNames
    readonly kept: string
    readonly outputs: Operation['outputs']
  },
): readonly Operation[] {
  const { operations, lut } = tableOperations(form, values, names)
  const lookUp = makeOperation({
    type: 'constexpr_lut_to_sparse',
    name: kept,
    inputs: {
      indices_mask: valueOf(values, 'mask'),
      indices_nonzero_data: valueOf(values, 'indices'),
      lut,
    },
    outputs,
  })
  return [...operations, lookUp]
}

/** How many values a sparse weight keeps. */
function keptShape(values: PartValues): readonly number[] {
  return typeOf(values.get('data') ?? valueOf(values, 'indices')).shape
}

/** An operation that gives the weight, in the style of its form. */
function constexpr(
  type: string,
  form: CoremlForm,
  name: string,
  parameters: Readonly<Record<string, Bound>>,
): Operation {
  const outputs = [resultOf(form, name)]
  if (form.style === 'inputs') return makeOperation({ type, name, inputs: parameters, outputs })
  const attributes: Record<string, Value> = {}
  for (const [key, bound] of Object.entries(parameters)) {
    if (typeof bound === 'string') throw new TypeError(`${type} of iOS 16 takes no names`)
    attributes[key] = bound
  }
  return makeOperation({ type, name, attributes, outputs })
}

function resultOf(form: CoremlForm, name: string): Operation['outputs'][number] {
  return output(name, { dtype: form.dtype, shape: form.shape })
}

function valueOf(values: PartValues, part: CoremlPartName): Value {
  const value = values.get(part)
  if (value === undefined) throw new TypeError(`the ${part} of a weight is missing`)
  return value
}

function typeOf(value: Value): StaticTensor {
  const type = staticTensor(value.type)
  if (type === undefined) throw new TypeError('a part of a weight is a tensor')
  return type
}
