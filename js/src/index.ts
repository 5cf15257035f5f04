/** The widget module: what Python's `_model_name` and `_view_name` are looked up in. */
import '../style/index.css';

import { letClosedModelsGo } from './widgets/closed-models';

export { Cursor, CursorModel } from './marks/cursor';
export { CurveGrid, CurveGridModel } from './marks/curve-grid';
export { Curves, CurvesModel } from './marks/curves';
export { Flow, FlowModel } from './marks/flow';
export { GateHistograms, GateHistogramsModel } from './marks/gate-histograms';
export {
  Histogram,
  HistogramModel,
  HistogramReadout,
  HistogramReadoutModel,
} from './marks/histogram';
export { Maps, MapsModel } from './marks/maps';
export { Raster, RasterModel } from './marks/raster';
export { RunLines, RunLinesModel, RunReadout, RunReadoutModel } from './marks/run-lines';
export { RunMap, RunMapModel } from './marks/run-map';
export { RunMaps, RunMapsModel } from './marks/run-maps';
export { Bars, BarsModel, Scatter, ScatterModel } from './marks/scatter';
export { StepLines, StepLinesModel } from './marks/step-lines';
export { Losses, LossesModel } from './marks/timeline-marks';
export * from './version';
export { ColourBar, ColourBarModel } from './widgets/colourbar';
export { ControlLinkModel } from './widgets/control-link';
export { DiagnosisTable, DiagnosisTableModel } from './widgets/diagnosis-table';
export { Download, DownloadModel } from './widgets/download';
export { ExplorerModel, FeaturesModel } from './widgets/explorer';
export { PlotAxis, PlotAxisModel, PlotFigure, PlotFigureModel } from './widgets/figure';
export { PlotFrame, PlotFrameModel } from './widgets/frame';
export { FrameLinkModel } from './widgets/frame-link';
export { Help, HelpModel } from './widgets/help';
export { Readout, ReadoutModel } from './widgets/readout';
export { RunStackModel } from './widgets/run-stack';
export { RunTable, RunTableModel } from './widgets/run-table';
export { SelectionModel } from './widgets/selection';
export { SharedTimelineModel } from './widgets/shared-timeline';
export { SharedTimelineControls } from './widgets/shared-timeline-controls';
export { SnapshotModel } from './widgets/snapshot';
export { TensorModel } from './widgets/tensor';
export { TimelineModel } from './widgets/timeline';
export { TimelineControls } from './widgets/timeline-controls';

letClosedModelsGo();
