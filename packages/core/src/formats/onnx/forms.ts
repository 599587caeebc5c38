import type { WeightRole } from '../../operators/weight-role.ts'
import { MixbitError } from '../../base/error.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { FloatType, Scheme } from '../../scheme/scheme.ts'
import type { DequantizeDomain } from '../../targets/onnx-opsets.ts'
import { opsetForDequantize } from '../../targets/onnx-opsets.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { PartBytes } from '../part-bytes.ts'
import { affineForm } from './affine-forms.ts'
import type { FloatForm, Form, FormName, NoForm } from './form-types.ts'

/** What a plan says of a layer that decides its form. */
export type PlannedForm = {
  readonly layer: string
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly scheme: Scheme
  /** Tells only whose DequantizeLinear it is; by default that of ai.onnx. */
  readonly form?: string
}

/** The form that a model takes whose opset has no DequantizeLinear for a scheme. */
export const RUNTIME_DEQUANTIZE: FormName = 'com.microsoft.DequantizeLinear'

/**
 * The form of a planned layer.
 *
 * @throws `unsupported-scheme` when ONNX cannot hold it: a plan edited by hand may ask for that
 */
export function formFor(layer: PlannedForm): Form {
  const domain = layer.form === RUNTIME_DEQUANTIZE ? 'com.microsoft' : 'ai.onnx'
  const form = onnxForm(layer.role, layer.shape, layer.scheme, domain)
  if (form.kind !== 'none') return form
  const scheme = precisionName(layer.scheme)
  throw new MixbitError(
    'unsupported-scheme',
    `The plan stores "${layer.layer}" as ${scheme}, but ${form.reason}.`,
    { layer: layer.layer, scheme },
  )
}

/** The oldest ai.onnx opset that has the operators of all these layers; 0 when any will do. */
export function opsetForForms(layers: readonly PlannedForm[]): number {
  const needs = layers.map((layer) => {
    const form = formFor(layer)
    const isStandard = form.kind === 'affine' && form.name === 'DequantizeLinear'
    return isStandard ? opsetForDequantize(form.scheme) : 0
  })
  return Math.max(0, ...needs)
}

/**
 * The form in which ONNX holds a weight of this role, or why there is none.
 *
 * @param domain - whose DequantizeLinear, where the form is one; `ai.onnx` by default
 */
export function onnxForm(
  role: WeightRole,
  shape: readonly number[],
  scheme: Scheme,
  domain: DequantizeDomain = 'ai.onnx',
): Form | NoForm {
  switch (scheme.kind) {
    case 'float':
      return floatForm(scheme.dtype, shape)
    case 'affine':
      return affineForm(role, shape, scheme, domain)
    case 'palette':
      return { kind: 'none', reason: 'ONNX has no operator for lookup tables' }
    case 'sparse':
      return { kind: 'none', reason: 'ONNX Runtime has no kernels for sparse weights' }
  }
}

function floatForm(dtype: FloatType, shape: readonly number[]): FloatForm {
  const bytes = elementsOf(shape) * (dtype === 'float32' ? 4 : 2)
  return {
    kind: 'float',
    name: dtype === 'float32' ? 'initializer' : 'initializer + Cast',
    dtype,
    codes: { dtype, dims: shape, bytes },
  }
}

/** The exact bytes of a form, part by part. */
export function bytesByPart(form: Form): PartBytes {
  if (form.kind === 'float') return { codes: form.codes.bytes, scales: 0, zeroPoints: 0 }
  return {
    codes: form.codes.bytes,
    scales: form.scale.bytes,
    zeroPoints: form.zeroPoint?.bytes ?? 0,
  }
}
