import 'react';

declare module 'react' {
  interface CSSProperties {
    /** Custom properties: how a component tells its style sheet a colour or a place. */
    [property: `--${string}`]: string | number | undefined;
  }
}
