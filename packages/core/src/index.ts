export { MixbitError, ERROR_CODES } from './base/error.ts'
export type { ErrorCode, ErrorFacts } from './base/error.ts'
export { memorySource } from './base/bytes.ts'
export type { ByteSink, ByteSource, FileRegion } from './base/bytes.ts'
export type { Emit, MixbitEvent } from './base/events.ts'
export type {
  Hash,
  Host,
  JobContext,
  NamedTensors,
  Picture,
  Pool,
  RuntimeOptions,
  RuntimeTensor,
  Session,
  SessionValue,
  Tokenizer,
} from './base/host.ts'
export type { Finding } from './base/finding.ts'
export {
  PRECISION_FORMS,
  formatPrecision,
  parsePrecision,
  precisionName,
  schemeFor,
} from './scheme/precision.ts'
export type { Precision } from './scheme/precision.ts'
export { defaults, mergeConfig } from './config/merge-config.ts'
export type { Origin, ResolvedConfig, ResolvedEvaluation } from './config/merge-config.ts'
export { nearest, suggestion } from './config/nearest.ts'
export { parseConfig } from './config/parse-config.ts'
export { splitAssignment } from './config/patterns.ts'
export type { LayerRule } from './config/patterns.ts'
export { presets } from './config/presets.ts'
export {
  ALGORITHMS,
  NUMERICS,
  PALETTE_RULES,
  PRESET_NAMES,
  SAMPLINGS,
  TARGETS,
} from './config/settings.ts'
export { COMPUTE_UNITS } from './targets/coreml-devices.ts'
export type { ComputeUnit } from './targets/coreml-devices.ts'
export type { CommandLineSettings, EvaluationSettings, Settings } from './config/settings.ts'
export { parseSize } from './config/size.ts'
export { parseTarget } from './config/target.ts'
export type {
  ComponentSize,
  Gate,
  Report,
  ReportEvaluation,
  ReportLayer,
} from './report/report-types.ts'
export { isJsonObject, readJson, readJsonObject } from './base/json-file.ts'
export { readModel, readCheckpointModel, readModelFolder } from './convert/read-model.ts'
export { readOnnxFile } from './convert/read-onnx-file.ts'
export type { CheckpointModel, LoadedModel, OnnxFolderModel } from './convert/read-model.ts'
export type { OnnxFileModel } from './convert/read-onnx-file.ts'
export { auditOf } from './audit/audit.ts'
export type { Audit, StoredFacts, WeightFacts } from './audit/audit-types.ts'
export type {
  PackageFeature,
  PackageFunction,
  PackageInterface,
} from './formats/coreml/package-interface.ts'
export { storedBytes } from './formats/part-bytes.ts'
export { auditModel } from './pipeline/audit-model.ts'
export { auditFolder } from './pipeline/audit-folder.ts'
export { auditOnnxFolder, planOnnxFolder, readOnnxFolderPlan } from './pipeline/onnx-folder.ts'
export { quantizeOnnxFolder } from './pipeline/write-onnx-folder.ts'
export type { AuditedFolder } from './pipeline/onnx-folder.ts'
export {
  auditOnnxFile,
  outputPlace,
  planOnnxFile,
  quantizeOnnxFile,
  readOnnxFilePlan,
} from './pipeline/onnx-file.ts'
export type { WrittenOnnx } from './pipeline/onnx-file.ts'
export { askedActivations, plannedActivations } from './pipeline/integer-file.ts'
export type { Activations, IntegerFile } from './pipeline/integer-file.ts'
export { quantizeDynamicFile } from './pipeline/quantize-dynamic.ts'
export { MODEL_IO, quantizeStaticFile } from './pipeline/quantize-static.ts'
export type { ModelIo } from './pipeline/quantize-static.ts'
export { modelIo } from './pipeline/model-io.ts'
export { statedIo } from './formats/onnx/qdq/stated-io.ts'
export { withFloatEnds } from './formats/onnx/qdq/float-ends.ts'
export type { BoundaryFacts, BoundaryTensor } from './formats/onnx/qdq/declare-boundary.ts'
export { CALIBRATORS } from './calibrate/activations/decide-ranges.ts'
export type { Calibrator } from './calibrate/activations/decide-ranges.ts'
export { RUNTIME_PROFILES } from './targets/integer-kernels.ts'
export type { RuntimeProfile } from './targets/integer-kernels.ts'
export { readPlan } from './plan/read-plan.ts'
export { calibrateModel, importanceFrom, savedStatistics } from './pipeline/calibrate-model.ts'
export type { Importance } from './pipeline/calibrate-model.ts'
export type { Statistics } from './calibrate/statistics.ts'
export { writeFloatModel } from './pipeline/float-model.ts'
export { importanceForPlan, planModel, quantizeModel } from './pipeline/quantize-model.ts'
export type { LayerPlan, Plan } from './plan/plan-types.ts'
export { writeJson, writeText } from './quantize/data-sink.ts'
export type { WrittenModel } from './quantize/write-model.ts'
export { evaluateFile, singleGraph } from './pipeline/evaluate-file.ts'
export type { TaskEvaluation, TaskResult } from './evaluate/task-types.ts'
export { evaluateModel } from './pipeline/evaluate-model.ts'
export type { Accuracy, AnsweredQuestion, Evaluation } from './evaluate/evaluate-types.ts'
export { openForEvaluation } from './pipeline/open-for-evaluation.ts'
export { compareOnnxFiles } from './pipeline/compare-files.ts'
export type { FileComparison } from './compare/compare-files.ts'
export { comparedGraphs } from './pipeline/compared-graphs.ts'
export { compareModels } from './pipeline/compare-models.ts'
export type { ComparedOutput, Comparison } from './compare/compare.ts'
export { forecastPlan } from './pipeline/forecast-plan.ts'
export { countKeptOfPlan } from './pipeline/count-kept.ts'
export { auditCoremlPackage, planCoremlPackage, readCoremlPlan } from './pipeline/coreml-package.ts'
export { compareCoremlPackages } from './pipeline/compare-packages.ts'
export { compareFileOptions } from './pipeline/compare-file-options.ts'
export { compareFolderOptions } from './pipeline/compare-folder-options.ts'
export { compareModelOptions } from './pipeline/compare-model-options.ts'
export { compareCheckpointOptions } from './pipeline/compare-checkpoint-options.ts'
export type { OptionsPlace, OptionsRequest } from './pipeline/compare-options.ts'
export type { OptionRow, OptionsComparison } from './compare/options-types.ts'
export { runModel } from './pipeline/run-model.ts'
export { runOnnxFile } from './pipeline/run-file.ts'
export { isCoremlPackage, whyNoPackage } from './formats/coreml/package-place.ts'
export { readCoremlPackage } from './formats/coreml/read-package.ts'
export type { CoremlModel } from './formats/coreml/read-package.ts'
export { decompressCoremlPackage, quantizeCoremlPackage } from './pipeline/quantize-package.ts'
export type { DecompressedPackage, QuantizedPackage } from './pipeline/quantize-package.ts'
export { verifyCoremlPackage } from './pipeline/verify-package.ts'
export type { Verification, VerifyCheck } from './verify/verify-types.ts'
export { renderReport } from './report/render.ts'
export { readReport } from './report/read-report.ts'
export { jobs } from './jobs.ts'
export type { Jobs } from './jobs.ts'
