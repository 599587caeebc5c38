import { render } from 'preact'
import type { Report } from '../../core/src/report/report-types.ts'
import { App } from './app.tsx'
import './style.css'

/** The report that was put into this page; a sentence for people when there is none. */
function readReport(): Report | string {
  const text = document.getElementById('report')?.textContent ?? ''
  if (text.trim() === '') return 'This is the empty report template: no report was put into it.'
  const report: Report = JSON.parse(text)
  if (report.schema === 'mixbit/report@1') return report
  return `This page draws mixbit/report@1, but its data is ${JSON.stringify(report.schema)}.`
}

function start(): void {
  const page = document.getElementById('page')
  if (page === null) return
  const report = readReport()
  render(typeof report === 'string' ? <p class="empty">{report}</p> : <App report={report} />, page)
}

start()
