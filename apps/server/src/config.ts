/** Everything the process is told from outside: read once, validated, frozen. */
export interface Config {
  readonly version: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Holds `strata.db`, `images/`, `vms/<id>/`, `trash/`; 0700. */
  readonly dataDir: string;
  /** Unix sockets: `$XDG_RUNTIME_DIR/strata/<hash of dataDir>` or `<dataDir>/run`; 0700, short. */
  readonly runDir: string;
  /** Whether to open the user's browser when ready. */
  readonly open: boolean;
  /** The fixed access token (`STRATA_TOKEN`); otherwise one is made and kept in the data dir. */
  readonly token: string | null;
  /** The built web app; null when the server runs without one (tests). */
  readonly webRoot: string | null;
  readonly logLevel: 'silent' | 'warn' | 'info' | 'debug';
}
