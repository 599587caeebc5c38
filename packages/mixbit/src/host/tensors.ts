import type { RuntimeTensor } from '@mixbit/core'
import { MixbitError } from '@mixbit/core/worker'
import type * as Runtime from 'onnxruntime-node'

type OrtTensor = Runtime.Tensor

/** Makes the runtime's tensor over the same memory (shared memory is copied: Node 20 refuses it). */
export function toOrt(ort: typeof Runtime, name: string, tensor: RuntimeTensor): OrtTensor {
  const made = makeOrt(ort, tensor)
  if (made.type === tensor.dtype) return made
  throw new TypeError(`Tensor "${name}" says ${tensor.dtype} but holds ${made.type}`)
}

function makeOrt(ort: typeof Runtime, tensor: RuntimeTensor): OrtTensor {
  const data = unshared(tensor.data)
  if (data instanceof Uint16Array) return halfTensor(ort, data, tensor.shape)
  if (tensor.dtype === 'bool' && data instanceof Uint8Array) {
    return new ort.Tensor('bool', data, tensor.shape)
  }
  return new ort.Tensor(data, tensor.shape)
}

/**
 * Where JavaScript has Float16Array (Node 24 on), the runtime's own tensor class turns 16-bit
 * codes into one, and its binding then cannot read it ("not enough space: expected 4, got 0").
 * The binding takes the property `data`, so this hides the class's getter behind the codes.
 */
function halfTensor(ort: typeof Runtime, codes: Uint16Array, shape: readonly number[]): OrtTensor {
  const tensor = new ort.Tensor('float16', codes, shape)
  Object.defineProperty(tensor, 'data', { value: codes })
  return tensor
}

function unshared(data: RuntimeTensor['data']): RuntimeTensor['data'] {
  return data.buffer instanceof ArrayBuffer ? data : data.slice()
}

/** The runtime's output as plain data. */
export function fromOrt(name: string, tensor: OrtTensor): RuntimeTensor {
  const dtype = knownDtype(tensor.type)
  const data = dtype === 'float16' ? codesOf(tensor.data) : tensor.data
  if (dtype !== undefined && isKnownData(data)) return { dtype, shape: [...tensor.dims], data }
  throw new MixbitError(
    'unsupported-dtype',
    `The model's output "${name}" is ${tensor.type}, which cannot be read here.`,
    { output: name, dtype: tensor.type },
  )
}

/** Float16Array, where JavaScript has it, or its codes already. */
function codesOf(data: OrtTensor['data']): OrtTensor['data'] {
  if (!ArrayBuffer.isView(data)) return data
  return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
}

const DTYPES: readonly RuntimeTensor['dtype'][] = [
  'float32',
  'float16',
  'int64',
  'int32',
  'bool',
  'int8',
  'uint8',
]

function knownDtype(type: string): RuntimeTensor['dtype'] | undefined {
  return DTYPES.find((dtype) => dtype === type)
}

function isKnownData(data: OrtTensor['data']): data is RuntimeTensor['data'] {
  return (
    data instanceof Float32Array ||
    data instanceof Uint16Array ||
    data instanceof BigInt64Array ||
    data instanceof Int32Array ||
    data instanceof Int8Array ||
    data instanceof Uint8Array
  )
}
