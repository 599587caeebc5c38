import type { Io } from '../src/cli/io.ts'

/** An Io that keeps what is written, with a clock that stands still unless moved. */
export function memoryIo(
  options: {
    readonly isTTY?: boolean
    readonly columns?: number
    readonly env?: Readonly<Record<string, string>>
    readonly signal?: AbortSignal
  } = {},
): { readonly io: Io; readonly stdout: () => string; readonly stderr: () => string } {
  const written = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text
    },
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
  })
  const io: Io = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: options.env ?? {},
    cwd: '/',
    now: () => 0,
    signal: options.signal ?? new AbortController().signal,
    platform: 'Node v0, test',
  }
  return { io, stdout: () => written.stdout, stderr: () => written.stderr }
}
