import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import type { TextDataset } from '../tasks/text/load-text.ts'
import { windowsOf } from '../tasks/text/load-text.ts'
import type { PerplexityInput } from '../tasks/text/perplexity-of.ts'
import type { TokenLoss } from '../tasks/text/token-loss.ts'
import { perplexity } from './perplexity.ts'
import { runSamples } from './run-samples.ts'
import type { EvaluatedModel, Measurement } from './task-types.ts'

/** The perplexity of a causal language model. */
export async function evaluateText(
  host: Host,
  model: TaskModel & EvaluatedModel,
  dataset: TextDataset,
  stage: string,
): Promise<Measurement> {
  const windows = await windowsOf(host, dataset, model.folder)
  const losses = await runSamples<PerplexityInput, TokenLoss>(
    host,
    'perplexity-of',
    windows.map((window) => ({
      model: { file: model.file, options: model.options },
      window,
      output: dataset.output,
    })),
    { stage, total: windows.length, unit: 'windows' },
  )
  const measured = perplexity(losses)
  return {
    metric: 'perplexity',
    ...measured,
    samples: windows.length,
    metrics: { tokens: losses.reduce((sum, { tokens }) => sum + tokens, 0) },
    findings: measured.value === null ? [notFinite(losses)] : [],
    answers: [],
    scores: measured.value === null ? null : losses.map(({ nll, tokens }) => nll / tokens),
  }
}

function notFinite(losses: readonly TokenLoss[]): Finding {
  const broken = losses.filter(({ nll }) => !Number.isFinite(nll)).length
  return {
    code: 'not-finite-perplexity',
    severity: 'warning',
    message:
      `The perplexity is not finite: ${broken} of ${losses.length} windows have a logit that is NaN or a ` +
      'token of probability 0. Store the layer that overflows at a higher precision.',
  }
}
