import type { WeightFacts } from '../audit/audit-types.ts'
import type { Host } from '../base/host.ts'
import type { Probe } from '../calibrate/instrument.ts'
import { instrument } from '../calibrate/instrument.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { floatPlan } from '../plan/float-plan.ts'
import type { SessionTarget } from '../quantize/quantize.ts'
import { graphSource } from '../quantize/session-source.ts'
import { quantize } from '../quantize/quantize.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'

/** The float model as ONNX graphs in a work folder: what accuracy is compared with. */
export type FloatModel = {
  readonly files: VlmModel['files']
  /** The same weights with probes for calibration; null unless asked for. */
  readonly instrumented: {
    readonly files: VlmModel['files']
    readonly probes: Readonly<Record<keyof VlmModel['files'], readonly Probe[]>>
  } | null
}

/**
 * Writes the checkpoint as float graphs into `folder`: each weight in its stored dtype, computed
 * ones (folded batch norms) in fp32. Instrumented graphs share the data of the plain ones.
 */
export async function writeFloatModel(
  host: Pick<Host, 'create' | 'pool' | 'sha256' | 'within' | 'emit'>,
  model: CheckpointModel,
  facts: readonly WeightFacts[],
  folder: string,
  probes: 'with-probes' | 'plain',
): Promise<FloatModel> {
  const plain = model.graphs.map((graph): SessionTarget => ({
    source: graphSource(graph),
    fileName: graph.name,
  }))
  const instrumented = probes === 'plain' ? [] : model.graphs.map(instrument)
  await quantize(host, {
    stage: 'write float model',
    sessions: [
      ...plain,
      ...instrumented.map(({ graph }) => ({
        source: graphSource(graph),
        fileName: probedName(graph.name),
      })),
    ],
    layers: floatPlan(facts, computedLayers(model)),
    facts: [],
    importance: new Map(),
    folder,
    tables: 'shared',
  })
  const probesOf = (session: string): readonly Probe[] =>
    instrumented.find(({ graph }) => graph.name === session)?.probes ?? []
  return {
    files: sessionFiles(host, folder, (name) => name),
    instrumented:
      probes === 'plain'
        ? null
        : {
            files: sessionFiles(host, folder, probedName),
            probes: {
              embed_tokens: probesOf('embed_tokens'),
              vision_encoder: probesOf('vision_encoder'),
              decoder_model_merged: probesOf('decoder_model_merged'),
            },
          },
  }
}

function probedName(name: string): string {
  return `${name}_probed`
}

function sessionFiles(
  host: Pick<Host, 'within'>,
  folder: string,
  name: (session: string) => string,
): VlmModel['files'] {
  const path = (session: string): string => host.within(folder, `${name(session)}.onnx`)
  return {
    embed_tokens: path('embed_tokens'),
    vision_encoder: path('vision_encoder'),
    decoder_model_merged: path('decoder_model_merged'),
  }
}

/** Layers whose values importing computes: they are no region of a file. */
function computedLayers(model: CheckpointModel): ReadonlySet<string> {
  const layers = model.graphs.flatMap((graph) => [...graph.weights.values()])
  return new Set(
    layers.filter(({ weight }) => weight.readStoredRows === undefined).map(({ layer }) => layer),
  )
}
