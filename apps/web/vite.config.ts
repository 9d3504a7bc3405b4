import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `vite` (development only) sends the calls of the page: a server started with `--port 4680`. */
const developmentServer = 'http://127.0.0.1:4680';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    // noVNC awaits at its top level.
    target: 'es2022',
    // The content security policy takes no inline script and no data: font (security.md, SEC-08).
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: {
    // The server accepts only requests whose Origin is its own (SEC-03), so the proxy speaks for itself.
    proxy: {
      '/api': {
        target: developmentServer,
        changeOrigin: true,
        ws: true,
        headers: { origin: developmentServer },
      },
    },
  },
});
