import { create } from '@bufbuild/protobuf'

import type { TensorProto } from './generated/onnx_pb.ts'
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from './generated/onnx_pb.ts'

/** Smaller tensors lie in the graph file itself: an external entry would cost as much. */
const INLINE_BELOW = 1024

/** Tensors from here on are worth a page of their own, so that runtimes can map them. */
const PAGE_ALIGNED_FROM = 2 ** 20

const PAGE = 4096

/** Enough for the widest vector loads. */
const SMALL_ALIGNMENT = 64

/** Where the bytes of one tensor lie. */
export type Placement =
  | { readonly kind: 'inline' }
  | {
      readonly kind: 'external'
      readonly location: string
      readonly offset: number
      readonly length: number
    }

/** The growing layout of one external data file. */
export type DataFile = {
  readonly location: string
  /** `all`: nothing is external, however large. */
  readonly inline: 'small' | 'all'
  size: number
}

/**
 * Finds the place of a tensor of `length` bytes. External data starts on 64 bytes, large tensors
 * on a page (onnx's own writer does the same from 1 MiB on).
 */
export function place(file: DataFile, length: number): Placement {
  if (file.inline === 'all' || length < INLINE_BELOW) return { kind: 'inline' }
  const alignment = length >= PAGE_ALIGNED_FROM ? PAGE : SMALL_ALIGNMENT
  const offset = Math.ceil(file.size / alignment) * alignment
  file.size = offset + length
  return { kind: 'external', location: file.location, offset, length }
}

/** Points a tensor at its external bytes. */
export function setExternal(
  tensor: TensorProto,
  placement: Extract<Placement, { kind: 'external' }>,
): void {
  const entry = (key: string, value: string | number) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) })
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
  tensor.externalData = [
    entry('location', placement.location),
    entry('offset', placement.offset),
    entry('length', placement.length),
  ]
}
