import { expect, test } from 'vitest'
import { commands } from '../src/cli/commands.ts'
import { docsPage } from '../src/cli/docs-page.ts'

test('the docs page of the command line is that of the table of commands', async () => {
  await expect(docsPage(commands)).toMatchFileSnapshot('../../../docs/cli.md')
})
