import * as threads from 'node:worker_threads'
import { ERROR_CODES, MixbitError } from '@mixbit/core/worker'
import type { ErrorCode, ErrorFacts } from '@mixbit/core'

/** Plain data, ready to be posted to another thread. */
export type Packed = { readonly data: unknown; readonly transfer: readonly ArrayBuffer[] }

/**
 * What happens to a buffer that a message shows as a whole: `keep` copies it, as the sender may
 * need it again (statistics that many jobs share); `give` moves it without a copy.
 */
export type Ownership = 'keep' | 'give'

/**
 * Prepares plain data (arrays, plain objects, typed arrays) for another thread.
 *
 * A view of a part of a buffer is always copied, because the structured clone would copy the whole
 * buffer under it. Shared memory stays shared.
 */
export function pack(value: unknown, ownership: Ownership): Packed {
  const transfer = new Set<ArrayBuffer>()
  return { data: packValue(value, ownership, transfer), transfer: [...transfer] }
}

function packValue(value: unknown, ownership: Ownership, transfer: Set<ArrayBuffer>): unknown {
  if (ArrayBuffer.isView(value)) return packView(value, ownership, transfer)
  if (Array.isArray(value)) return value.map((item) => packValue(item, ownership, transfer))
  if (!isPlainObject(value)) return value
  const packed: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    packed[key] = packValue(item, ownership, transfer)
  }
  return packed
}

function packView(
  view: ArrayBufferView,
  ownership: Ownership,
  transfer: Set<ArrayBuffer>,
): ArrayBufferView {
  if (!(view.buffer instanceof ArrayBuffer)) return view
  const isWhole = view.byteOffset === 0 && view.byteLength === view.buffer.byteLength
  if (!isWhole) return copyOf(view, transfer)
  // An empty buffer has nothing to move, and may be a constant that is sent again.
  const isMoved = ownership === 'give' && view.byteLength > 0 && canMove(view.buffer)
  if (isMoved) transfer.add(view.buffer)
  return view
}

/** The same kind of view over a copy of only its own bytes. */
function copyOf(view: ArrayBufferView, transfer: Set<ArrayBuffer>): ArrayBufferView {
  const bytes = new Uint8Array(view.byteLength)
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  transfer.add(bytes.buffer)
  return viewAs(view, bytes.buffer)
}

function viewAs(view: ArrayBufferView, buffer: ArrayBuffer): ArrayBufferView {
  if (view instanceof Uint8Array) return new Uint8Array(buffer)
  if (view instanceof DataView) return new DataView(buffer)
  return Reflect.construct(view.constructor, [buffer])
}

/** Buffers that native code owns cannot move; Node 20 cannot say, but ignores them. */
function canMove(buffer: ArrayBuffer): boolean {
  const isFixed: unknown = Reflect.get(threads, 'isMarkedAsUntransferable')
  return typeof isFixed !== 'function' || isFixed(buffer) === false
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** An error as data that crosses between threads. */
export type ErrorData = {
  readonly name: string
  readonly message: string
  readonly stack: string
  /** Only of a `MixbitError`. */
  readonly coded?: { readonly code: ErrorCode; readonly facts: ErrorFacts }
}

export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: '' }
  const { name, message, stack = '' } = error
  const plain = { name, message, stack }
  if (!(error instanceof MixbitError)) return plain
  return { ...plain, coded: { code: error.code, facts: error.facts } }
}

/** The error again, with the stack of the thread in which it was thrown. */
export function errorFrom({ name, message, stack, coded }: ErrorData): Error {
  const isCoded = coded !== undefined && ERROR_CODES.includes(coded.code)
  const error = isCoded ? new MixbitError(coded.code, message, coded.facts) : new Error(message)
  error.name = name
  if (stack !== '') error.stack = stack
  return error
}
