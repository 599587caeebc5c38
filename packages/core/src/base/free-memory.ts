let closedPort: MessagePort | undefined

/**
 * Gives the memory of arrays back at once; they are empty afterwards. For large arrays in a loop:
 * to the garbage collector they are a few small objects, so it lets them pile up, and then marks
 * the whole heap to find them. Memory that is shared, or that native code owns, stays as it is.
 */
export function freeMemory(arrays: readonly ArrayBufferView[]): void {
  const port = portToNowhere()
  for (const { buffer } of arrays) {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) continue
    try {
      // What is moved to a closed port is gone. `ArrayBuffer.prototype.transfer` is newer than Node 20.
      port.postMessage(null, [buffer])
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
    }
  }
}

function portToNowhere(): MessagePort {
  if (closedPort === undefined) {
    closedPort = new MessageChannel().port1
    closedPort.close()
  }
  return closedPort
}
