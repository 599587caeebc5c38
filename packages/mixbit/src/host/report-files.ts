import { renderReport, writeJson, writeText } from '@mixbit/core'
import type { Host, Report } from '@mixbit/core'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

/** Writes `report.json` and the page that shows it. */
export async function writeReport(
  host: Pick<Host, 'create' | 'sha256'>,
  folder: string,
  report: Report,
): Promise<void> {
  await writeJson(host, join(folder, 'report.json'), report)
  await writeReportPage(host, join(folder, 'report.html'), report)
}

/** Writes the self-contained page of a report. */
export async function writeReportPage(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
  report: Report,
): Promise<void> {
  const url = import.meta.resolve('@mixbit/studio/template.html')
  const template = await readFile(fileURLToPath(url), 'utf8')
  await writeText(host, path, renderReport(template, report))
}
