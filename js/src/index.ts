/** The widget module: what Python's `_model_name` and `_view_name` are looked up in. */
import '../style/index.css';

export { ColourBar, ColourBarModel } from './colourbar';
export { Cursor, CursorModel } from './cursor';
export { Curves, CurvesModel } from './curves';
export { Download, DownloadModel } from './download';
export { Explorer, ExplorerModel } from './explorer';
export { Flow, FlowModel } from './flow';
export { CurveGrid, CurveGridModel, Maps, MapsModel } from './grid';
export { GateHistograms, GateHistogramsModel } from './gate-histograms';
export { Histogram, HistogramModel, HistogramReadout, HistogramReadoutModel } from './histogram';
export { Raster, RasterModel } from './raster';
export { Readout, ReadoutModel } from './readout';
export { Bars, BarsModel, Scatter, ScatterModel } from './scatter';
export { SelectionModel } from './selection';
export { TensorModel } from './tensor';
export { SnapshotModel, TimelineModel } from './timeline';
export { TimelineControls } from './timeline-view';
export { Losses, LossesModel, Reach, ReachModel } from './timeline-marks';
export * from './version';
