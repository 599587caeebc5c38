import { createHash } from 'node:crypto'
import { defineConfig, type Plugin, type UserConfig } from 'vite'
import { viteSingleFile } from 'vite-plugin-singlefile'

const SCRIPT = /<script type="module"[^>]*>([\s\S]*?)<\/script>/
const HASH_SLOT = 'sha256-of-the-page-script'

/**
 * Lets the page run its own script and no other: its hash goes into the page's security policy.
 * Runs after everything is inlined.
 */
function scriptHash(): Plugin {
  return {
    name: 'mixbit:script-hash',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== 'asset' || !file.fileName.endsWith('.html')) continue
          const page = String(file.source)
          const [, script] = SCRIPT.exec(page) ?? []
          if (script === undefined) this.error('the page has no inlined script')
          const hash = createHash('sha256').update(script).digest('base64')
          file.source = page.replace(HASH_SLOT, () => `sha256-${hash}`)
        }
      },
    },
  }
}

const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  plugins: [viteSingleFile(), scriptHash()],
  build: {
    target: 'es2022',
    modulePreload: false,
    rollupOptions: { input: `${import.meta.dirname}/template.html` },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})

export default config
