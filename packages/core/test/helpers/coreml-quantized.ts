import { encodeWeight } from '../../src/algorithms/encode-weight.ts'
import { paletteRule, scaleAlgorithm } from '../../src/algorithms/algorithms.ts'
import type { Audit } from '../../src/audit/audit-types.ts'
import { mergeConfig } from '../../src/config/merge-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import type { CoremlWeight } from '../../src/formats/coreml/document.ts'
import { readCoremlPackage } from '../../src/formats/coreml/read-package.ts'
import type { CoremlModel } from '../../src/formats/coreml/read-package.ts'
import type { StaticTensor } from '../../src/formats/coreml/value-types.ts'
import { decode } from '../../src/kernels/decode-encoding.ts'
import { scalarKernels } from '../../src/kernels/scalar.ts'
import { auditCoremlPackage, planCoremlPackage } from '../../src/pipeline/coreml-package.ts'
import { quantizeCoremlPackage } from '../../src/pipeline/quantize-package.ts'
import type { QuantizedPackage } from '../../src/pipeline/quantize-package.ts'
import type { LayerPlan, Plan } from '../../src/plan/plan-types.ts'
import type { SlabLimits } from '../../src/quantize/survey-weight.ts'
import { PACKAGE, testBuilder, testHost } from './coreml.ts'
import { sure } from './coreml-sound.ts'
import type { MemoryHost } from './memory-host.ts'

export const OUT = 'out.mlpackage'

/** A program with a weight of each shape of axes: conv, linear, matmul (outputs last) and a table. */
export function layersHost(dtype: 'float16' | 'float32', spec: number): Promise<MemoryHost> {
  const { weight, op, body, blobs, constant } = testBuilder()
  const out = (...shape: readonly number[]): StaticTensor => ({ dtype, shape })
  weight('conv_w', [24, 16, 3, 3], { dtype })
  op('conv', { x: 'x', weight: 'conv_w' }, 'a', out(1, 24, 6, 6))
  weight('up_w', [64, 24], { dtype })
  weight('up_b', [64], { dtype })
  op('linear', { x: 'row', weight: 'up_w', bias: 'up_b' }, 'b', out(1, 64))
  weight('down_w', [64, 32], { dtype })
  op('matmul', { x: 'b', y: 'down_w' }, 'c', out(1, 32))
  constant('ids', blobs.add({ dtype: 'int32', shape: [12] }, new Uint8Array(48).fill(1)))
  weight('table', [40, 32], { dtype })
  op('gather', { x: 'table', indices: 'ids' }, 'd', out(12, 32))
  body.outputs.push('a', 'c', 'd')
  const inputs = { x: out(1, 16, 8, 8), row: out(1, 24) }
  return testHost({ main: { body, inputs } }, blobs, spec)
}

export type Quantized = {
  readonly audit: Audit
  readonly plan: Plan
  readonly written: QuantizedPackage
  /** The package before. */
  readonly model: CoremlModel
}

/** Audits, plans and quantizes the package of a host. */
export async function quantized(
  host: MemoryHost,
  settings: Settings,
  { limits, from = PACKAGE }: { readonly limits?: SlabLimits; readonly from?: string } = {},
): Promise<Quantized> {
  const model = await readCoremlPackage(host, from)
  const audit = await auditCoremlPackage(host, model)
  const plan = planCoremlPackage(model, audit, mergeConfig(settings, {}))
  const cut = limits === undefined ? {} : { limits }
  const written = await quantizeCoremlPackage(host, { model, audit, plan, folder: OUT, ...cut })
  return { audit, plan, written, model }
}

export function weightOf({ document }: CoremlModel, name: string): CoremlWeight {
  return sure(document.weights.get(name))
}

export async function valuesOf(model: CoremlModel, name: string): Promise<Float32Array> {
  const { weight, shape } = weightOf(model, name)
  return weight.readRows(0, shape[0] ?? 1)
}

/** What a planned weight decodes to, by the reference kernels and in one piece. */
export async function expectedValues(model: CoremlModel, layer: LayerPlan): Promise<Float32Array> {
  const name = layer.layer.slice('model.'.length)
  const { shape, outputAxis, inputAxis, dtype, weight } = weightOf(model, name)
  const { scheme, algorithm } = layer
  const values = scheme.kind === 'sparse' ? scheme.values : scheme
  const isPalette = values.kind === 'palette'
  const { encoding } = encodeWeight(scalarKernels, await valuesOf(model, name), {
    shape,
    outputAxis,
    inputAxis,
    scheme,
    algorithm: isPalette ? 'round' : scaleAlgorithm(layer.layer, algorithm),
    paletteRule: isPalette ? paletteRule(layer.layer, algorithm) : 'kmeans',
    decodeDtype: dtype,
    halves: weight.dtype === 'float16',
  })
  return decode(encoding)
}

/** The files of a written package, by their paths inside. */
export function filesIn(host: MemoryHost, folder: string): ReadonlyMap<string, Uint8Array> {
  const own = [...host.files].filter(([path]) => path.startsWith(`${folder}/`))
  return new Map(own.map(([path, bytes]) => [path.slice(folder.length + 1), bytes]))
}
