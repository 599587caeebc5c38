/**
 * Mixbit for Node: everything of core, and the host by which core reaches files, threads and ONNX
 * Runtime here. Make a host, run a step with it, dispose of it.
 */
export * from '@mixbit/core'
export { createNodeHost } from './host/host.ts'
export type { NodeHost, NodeHostOptions } from './host/host.ts'
export { prepareOutput } from './host/output.ts'
export type { Output, OutputOptions } from './host/output.ts'
export { provenance } from './host/provenance.ts'
export { writeReport, writeReportPage } from './host/report-files.ts'
