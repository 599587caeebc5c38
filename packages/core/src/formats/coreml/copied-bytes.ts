/** Bytes that are copied at once. */
const COPY_IN_BYTES = 2 ** 22

/** All bytes of something that is read in pieces. */
export async function* copiedBytes(
  bytes: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += COPY_IN_BYTES) {
    yield await read(at, Math.min(COPY_IN_BYTES, bytes - at))
  }
}
