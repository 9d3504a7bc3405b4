export interface LiveOverlay {
  readonly diskId: string;
  /** A qcow2 overlay, already created with its backing string and format on the current active layer. */
  readonly overlayPath: string;
  /** Whether the disk passes on the guest's discards. */
  readonly discard?: boolean;
}
