/** The folder of a path; a backslash parts only where no slash does, or after a drive letter. */
export function folderOf(path: string): string {
  const end = lastSeparator(path)
  if (end < 0) return '.'
  return end === 0 ? path.slice(0, 1) : path.slice(0, end)
}

/** The last part of a path. */
export function fileNameOf(path: string): string {
  const trimmed = path.replace(/[/\\]+$/, '')
  return trimmed.slice(lastSeparator(trimmed) + 1)
}

function lastSeparator(path: string): number {
  const isWindows = /^(?:[a-z]:|\\\\)/i.test(path) || !path.includes('/')
  return Math.max(path.lastIndexOf('/'), isWindows ? path.lastIndexOf('\\') : -1)
}
