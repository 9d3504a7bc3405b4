import { spawn } from 'node:child_process';

/** Opens the user's browser where there is a desktop. Whether that works is of no importance: the link is printed. */
export const openBrowser = (
  link: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): void => {
  const desktop = environment.DISPLAY ?? environment.WAYLAND_DISPLAY;
  if (desktop === undefined || desktop === '') return;
  const opener = spawn('xdg-open', [link], { detached: true, stdio: 'ignore' });
  opener.on('error', () => {});
  opener.unref();
};
