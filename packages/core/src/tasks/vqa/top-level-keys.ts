/** The keys of the outermost object of a valid JSON text, in their order, repeated ones included. */
export function topLevelKeys(text: string): readonly string[] {
  const keys: string[] = []
  let depth = 0
  let start = -1
  let end = -1
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      start = at
      at = endOfString(text, at)
      end = at + 1
    } else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    else if (character === ':' && depth === 1) keys.push(String(JSON.parse(text.slice(start, end))))
  }
  return keys
}

/** The closing quote of the string that opens at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}
