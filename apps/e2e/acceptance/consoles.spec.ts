import { expect, test } from '@playwright/test';
import { WebSocket } from 'ws';
import { disposeStrata, type Json, type Strata, startStrata, token, until } from '../src/strata.ts';

let strata: Strata;
let vm: Json;
test.beforeAll(async () => {
  strata = await startStrata();
  vm = await strata.ok('POST', '/vms/demo', {});
  await strata.ok('POST', `/vms/${vm.id}/start`);
});
test.afterAll(() => disposeStrata(strata));

const open = (path: string, protocols: string[] = [], headers: Record<string, string> = {}) =>
  new WebSocket(`${strata.url.replace('http', 'ws')}/api/v1${path}`, protocols, { headers });

/** What a socket says until `enough`, or how it was refused. */
const listen = (socket: WebSocket, enough: (text: string) => boolean): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    socket.on('message', (data) => {
      text += data.toString();
      if (enough(text)) {
        socket.close();
        resolve(text);
      }
    });
    socket.on('unexpected-response', (_, response) =>
      reject(new Error(`refused with ${response.statusCode}`)),
    );
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after: ${text}`)));
  });

const bearer = { authorization: `Bearer ${token}` };

test('the console greets with RFB 003.008 for a script with the bearer', async () => {
  const greeting = await listen(open(`/vms/${vm.id}/console`, [], bearer), (text) => text.length >= 12);
  expect(greeting.slice(0, 12)).toBe('RFB 003.008\n');
});

test('the console opens once with a ticket from the page, and answers strata.v1', async () => {
  const { ticket } = await strata.ok('POST', '/tickets', { purpose: 'console', vmId: vm.id });
  const withTicket = () =>
    open(`/vms/${vm.id}/console`, ['strata.v1', `t.${ticket}`], { origin: strata.url });
  const socket = withTicket();
  await listen(socket, (text) => text.length >= 12);
  expect(socket.protocol).toBe('strata.v1');
  await expect(listen(withTicket(), () => true)).rejects.toThrow('401');
});

test('a foreign page gets no console, with or without a ticket', async () => {
  const { ticket } = await strata.ok('POST', '/tickets', { purpose: 'console', vmId: vm.id });
  const foreign = open(`/vms/${vm.id}/console`, ['strata.v1', `t.${ticket}`], {
    origin: 'http://evil.example',
  });
  await expect(listen(foreign, () => true)).rejects.toThrow('403');
  await expect(listen(open(`/vms/${vm.id}/console`), () => true)).rejects.toThrow(/401|403/);
});

test('the serial console replays what was said before', async () => {
  await listen(open(`/vms/${vm.id}/serial/0`, [], bearer), (text) => /counted/i.test(text));
  const again = await listen(open(`/vms/${vm.id}/serial/0`, [], bearer), (text) => /counted/i.test(text));
  expect(again).toMatch(/STRATA DEMO/);
});

test('a screenshot is a PNG', async () => {
  const png = await until(
    'a picture',
    () => strata.call('GET', `/vms/${vm.id}/screenshot`),
    (answer) => answer.status === 200,
  );
  expect(png.headers.get('content-type')).toBe('image/png');
  expect(png.body.subarray(1, 4).toString()).toBe('PNG');
});
