import { adopt } from './adopt.ts';
import { common, errors } from './common.ts';
import { consoles } from './consoles.ts';
import { contents } from './contents.ts';
import { copies } from './copies.ts';
import { devices } from './devices.ts';
import { exports } from './exports.ts';
import { extend } from './extend.ts';
import { forest } from './forest.ts';
import { frame, login } from './frame.ts';
import { hardware } from './hardware.ts';
import { host } from './host.ts';
import { imageChanges } from './image-changes.ts';
import { inside } from './inside.ts';
import { layers } from './layers.ts';
import { library } from './library.ts';
import { log } from './log.ts';
import { make } from './make.ts';
import { many } from './many.ts';
import { newVm } from './new-vm.ts';
import { operations } from './operations.ts';
import { plan } from './plan.ts';
import { repair } from './repair.ts';
import { snapshots } from './snapshots.ts';
import { uploads } from './uploads.ts';
import { usage } from './usage.ts';
import { vms } from './vms.ts';

/** All English text, by subject. */
export const en = {
  snapshots,
  plan,
  operations,
  library,
  forest,
  layers,
  copies,
  imageChanges,
  extend,
  inside,
  repair,
  exports,
  devices,
  adopt,
  uploads,
  usage,
  common,
  errors,
  frame,
  login,
  vms,
  consoles,
  contents,
  hardware,
  host,
  log,
  make,
  many,
  newVm,
};
