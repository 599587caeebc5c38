// Writes the sample report as a page, to look at while working on it:
//   npm run build -w @mixbit/studio && npm run sample -w @mixbit/studio -- /tmp/sample.html
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'vite'

const [, , path = 'dist/sample.html'] = process.argv
const server = await createServer({
  configFile: false,
  server: { middlewareMode: true, ws: false },
})
const { renderReport } = await server.ssrLoadModule('../core/src/report/render.ts')
const { sampleReport } = await server.ssrLoadModule('./test/sample-report.ts')
writeFileSync(path, renderReport(readFileSync('dist/template.html', 'utf8'), sampleReport()))
await server.close()
