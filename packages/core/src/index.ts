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
