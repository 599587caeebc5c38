import type { PresetName } from './settings.ts'

/** A named starting point: precisions, how much to calibrate, and what may be lost. */
export type Preset = {
  readonly summary: string
  readonly components: Readonly<Record<string, string>>
  readonly samples: number
  /** The largest accepted loss of accuracy, a fraction. */
  readonly maxDrop: number
}

/**
 * The presets. `text_encoder` is the token embedding and `fusion_layers` the projector from
 * pictures to text.
 */
export const presets: Readonly<Record<PresetName, Preset>> = {
  mobile_optimized: {
    summary: 'small: 4 bits, the projector in 8',
    components: components('int4', 'int4', 'int8', 'int4'),
    samples: 500,
    maxDrop: 0.03,
  },
  balanced: {
    summary: 'the reference mix: 4 bits, the embedding in 8, the projector in fp16',
    components: components('int4', 'int8', 'fp16', 'int4'),
    samples: 1000,
    maxDrop: 0.03,
  },
  quality_focused: {
    summary: '8 bits, the embedding and the projector in fp16',
    components: components('int8', 'fp16', 'fp16', 'int8'),
    samples: 2000,
    maxDrop: 0.01,
  },
  ultra_fast: {
    summary: '4 bits everywhere',
    components: components('int4', 'int4', 'int4', 'int4'),
    samples: 250,
    maxDrop: 0.05,
  },
}

function components(
  visionEncoder: string,
  textEncoder: string,
  fusionLayers: string,
  decoder: string,
): Readonly<Record<string, string>> {
  return {
    vision_encoder: visionEncoder,
    text_encoder: textEncoder,
    fusion_layers: fusionLayers,
    decoder,
  }
}
