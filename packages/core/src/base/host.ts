import type { ByteSink, ByteSource, FileRegion } from './bytes.ts'
import type { Emit } from './events.ts'

/** A decoded picture: 8-bit RGB, row-major; alpha is dropped. */
export type Picture = {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

/** A dense tensor that crosses to the model runtime and between threads. */
export type RuntimeTensor = {
  readonly dtype: 'float32' | 'float16' | 'int64' | 'int32' | 'bool' | 'int8' | 'uint8'
  readonly shape: readonly number[]
  readonly data: Float32Array | Uint16Array | BigInt64Array | Int32Array | Int8Array | Uint8Array
}

export type NamedTensors = Readonly<Record<string, RuntimeTensor>>

/** Facts of one session input or output. */
export type SessionValue = {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly (number | string)[]
}

/** One loaded model graph. */
export type Session = {
  readonly inputs: readonly SessionValue[]
  readonly outputs: readonly SessionValue[]
  /** Runs the graph; `outputs` limits what is computed and returned. */
  readonly run: (feeds: NamedTensors, outputs?: readonly string[]) => Promise<NamedTensors>
  readonly release: () => Promise<void>
}

/** Options of a model run that change numbers. */
export type RuntimeOptions = {
  /**
   * `faithful` computes with the decoded weights in float32 (accuracy level 0);
   * `device` lets the runtime quantize activations to int8 where it would on a device (level 4).
   */
  readonly numerics: 'faithful' | 'device'
}

/** Turns text into token ids and back, and renders the chat template, of one model folder. */
export type Tokenizer = {
  /** No special tokens are added: the chat template writes those that belong there. */
  readonly encode: (text: string) => readonly number[]
  /** With the special tokens that the model wants around a text of its own, such as [CLS] and [SEP]. */
  readonly encodeAlone: (text: string) => readonly number[]
  /** Special tokens are left out. */
  readonly decode: (ids: readonly number[]) => string
  /** The prompt of one user message, with the generation prompt added. */
  readonly chat: (userMessage: string) => string
}

/** What a pool job can reach inside its thread. Everything is loaded once a thread and kept. */
export type JobContext = {
  readonly session: (modelPath: string, options: RuntimeOptions) => Promise<Session>
  readonly decodeImage: (path: string) => Promise<Picture>
  readonly tokenizer: (modelFolder: string) => Promise<Tokenizer>
  /**
   * Reads a region; there wherever sources have descriptors. The bytes are good until the thread reads
   * the next one, and may not be written to. Throws `truncated` when the file ends before.
   */
  readonly readRegion?: (region: FileRegion) => Uint8Array
}

/** Runs jobs of the table `jobs/jobs.ts` in worker threads or in process. */
export type Pool = {
  /** How many jobs run at the same time. */
  readonly width: number
  /**
   * Runs job `name` for each input, at most `width` (+ a little read-ahead) at a time, and yields
   * results in the order of the inputs whatever the number of workers.
   */
  readonly map: <Input, Output>(
    name: string,
    inputs: AsyncIterable<Input> | Iterable<Input>,
  ) => AsyncIterable<Output>
  readonly close: () => Promise<void>
}

/** Everything by which core reaches the world. */
export type Host = {
  readonly open: (path: string) => Promise<ByteSource>
  readonly create: (path: string) => Promise<ByteSink>
  /** Makes a folder with those above it; one that is there is kept. */
  readonly createFolder: (path: string) => Promise<void>
  /** File names (no folders) in a folder, sorted; `undefined` when it is not a folder. */
  readonly list: (folder: string) => Promise<readonly string[] | undefined>
  /** Names of the folders in a folder, sorted; `undefined` when it is not a folder. */
  readonly listFolders: (folder: string) => Promise<readonly string[] | undefined>
  readonly exists: (path: string) => Promise<boolean>
  /** The path with links followed: the same for all names of a file. */
  readonly realPath: (path: string) => string
  /** Joins with the platform's separator; refuses (`path-outside`) a result outside `folder`. */
  readonly within: (folder: string, relative: string) => string
  readonly pool: Pool
  readonly sha256: () => Hash
  readonly tokenizer: (modelFolder: string) => Promise<Tokenizer>
  readonly emit: Emit
}

export type Hash = {
  readonly update: (bytes: Uint8Array) => void
  readonly hex: () => string
}
