export interface LiveOverlay {
  readonly diskId: string;
  /** A qcow2 overlay, already created with its backing string and format on the current active layer. */
  readonly overlayPath: string;
  /** Whether the disk passes on the guest's discards. */
  readonly discard?: boolean;
  /** What its header says, read since it was made at this real path; left out: it is read before the disk switches. */
  readonly says?: OverlayLink;
}
export interface OverlayLink {
  /** The real path of the layer it stands on. */
  readonly on: string;
  /** As what QEMU opens that. */
  readonly driver: string;
  readonly virtualSize: number;
}
