export { MixbitError, ERROR_CODES } from './base/error.ts'
export type { ErrorCode, ErrorFacts } from './base/error.ts'
export { memorySource } from './base/bytes.ts'
export type { ByteSink, ByteSource } from './base/bytes.ts'
export type { Emit, MixbitEvent } from './base/events.ts'
export type {
  Hash,
  Host,
  JobContext,
  NamedTensors,
  Picture,
  Pool,
  RuntimeOptions,
  RuntimeTensor,
  Session,
  SessionValue,
  Tokenizer,
} from './base/host.ts'
export type { Finding } from './base/finding.ts'
export {
  PRECISION_FORMS,
  formatPrecision,
  parsePrecision,
  precisionName,
  schemeFor,
} from './scheme/precision.ts'
export type { Precision } from './scheme/precision.ts'
export { defaults, mergeConfig } from './config/merge-config.ts'
export type { Origin, ResolvedConfig, ResolvedEvaluation } from './config/merge-config.ts'
export { nearest, suggestion } from './config/nearest.ts'
export { parseConfig } from './config/parse-config.ts'
export {
  checkComponents,
  checkPatterns,
  layerPrecision,
  splitAssignment,
} from './config/patterns.ts'
export type { LayerRule } from './config/patterns.ts'
export { presets } from './config/presets.ts'
export { ALGORITHMS, NUMERICS, PRESET_NAMES, TARGETS } from './config/settings.ts'
export type { CommandLineSettings, EvaluationSettings, Settings } from './config/settings.ts'
export { parseSize } from './config/size.ts'
export { parseTarget } from './config/target.ts'
export type {
  ComponentSize,
  Gate,
  Report,
  ReportEvaluation,
  ReportLayer,
} from './report/report-types.ts'
export { jobs } from './jobs.ts'
export type { Jobs } from './jobs.ts'
