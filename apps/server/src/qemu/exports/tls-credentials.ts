import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { findProgram } from '../capabilities.ts';
import { runLimited } from '../limited-process.ts';
import { light } from '../qemu-img.ts';

/** What openssl(1) is told; nothing of a user's text is in it. */
const settings = `[req]
distinguished_name = name
prompt = no
[name]
CN = Strata export
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1,IP:::1,DNS:localhost
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth
`;
const days = '3650';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'];

/** Keys get their mode from the umask, and the folder they lie in is private. */
const openssl = async (args: readonly string[]): Promise<void> => {
  const umask = process.umask(0o077);
  try {
    await runLimited('openssl', args, light);
  } finally {
    process.umask(umask);
  }
};

/**
 * An authority for one export alone, and a certificate for its server and for its clients: whoever may use one export may
 * use no other. The authority's key is not kept, so that nobody makes more. The folders are laid out as QEMU reads them.
 */
export const makeTlsCredentials = async (serverKeys: string, clientKeys: string): Promise<void> => {
  if (findProgram('openssl') === null)
    throw new AppError(
      'tool-missing',
      'TLS needs openssl, which is not installed (the package "openssl"). Install it, or export without TLS.',
    );
  const folder = join(dirname(serverKeys), 'authority');
  const [config, key, certificate] = ['settings', 'key', 'certificate'].map((name) => join(folder, name));
  if (config === undefined || key === undefined || certificate === undefined) return;
  await mkdir(folder, { mode: 0o700 });
  try {
    await writeFile(config, settings, { mode: 0o600 });
    const request = ['req', '-new', '-config', config, ...newKey];
    await openssl([
      ...request,
      '-x509',
      '-days',
      days,
      '-extensions',
      'authority',
      '-keyout',
      key,
      '-out',
      certificate,
    ]);
    const signing = [
      '-CA',
      certificate,
      '-CAkey',
      key,
      '-CAcreateserial',
      '-days',
      days,
      '-sha256',
      '-extfile',
      config,
    ];
    for (const [role, keys] of [
      ['server', serverKeys],
      ['client', clientKeys],
    ] as const) {
      await mkdir(keys, { mode: 0o700 });
      const wanted = join(folder, `${role}-request`);
      await openssl([...request, '-keyout', join(keys, `${role}-key.pem`), '-out', wanted]);
      await openssl([
        'x509',
        '-req',
        '-in',
        wanted,
        ...signing,
        '-extensions',
        role,
        '-out',
        join(keys, `${role}-cert.pem`),
      ]);
      await copyFile(certificate, join(keys, 'ca-cert.pem'));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
