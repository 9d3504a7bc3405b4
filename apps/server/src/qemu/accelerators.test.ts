import { describe, expect, it } from 'vitest';
import { chooseAccelerator, type KvmProbe, kvmOnHost } from './accelerators.ts';

const probe = (over: Partial<KvmProbe> = {}): KvmProbe => ({
  openDevice: () => null,
  cpuFlags: () => new Set(['fpu', 'vmx']),
  hostArch: 'x64',
  user: 'ada',
  ...over,
});

describe('KVM on this host', () => {
  it('is usable when the device opens and the processor can virtualize', () => {
    expect(kvmOnHost(probe()).usable).toBe(true);
    expect(kvmOnHost(probe({ cpuFlags: () => new Set(['svm']) })).usable).toBe(true);
  });

  it('is not usable when the device opens but the processor has no flag for it', () => {
    const verdict = kvmOnHost(probe({ cpuFlags: () => new Set(['fpu']) }));
    expect(verdict.usable).toBe(false);
    expect(verdict.reason).toContain('neither vmx nor svm');
  });

  it('asks no flag of an ARM processor', () => {
    expect(kvmOnHost(probe({ hostArch: 'arm64', cpuFlags: () => new Set() })).usable).toBe(true);
  });

  it('names the command that lets the user in', () => {
    const verdict = kvmOnHost(probe({ openDevice: () => 'EACCES' }));
    expect(verdict.usable).toBe(false);
    expect(verdict.remedy).toContain('usermod -aG kvm ada');
  });

  it('says that the module is not loaded when there is no device', () => {
    expect(kvmOnHost(probe({ openDevice: () => 'ENOENT' })).reason).toContain('/dev/kvm');
  });
});

describe('the accelerator "auto"', () => {
  const usable = { usable: true, reason: 'fast' };
  it('is KVM for guests of the host’s own architecture', () => {
    expect(chooseAccelerator('auto', 'x86_64', usable, 'x64').kind).toBe('kvm');
    expect(chooseAccelerator('auto', 'i386', usable, 'x64').kind).toBe('kvm');
    expect(chooseAccelerator('auto', 'aarch64', usable, 'arm64').kind).toBe('kvm');
  });

  it('is TCG for guests of another architecture, and says so', () => {
    const choice = chooseAccelerator('auto', 'aarch64', usable, 'x64');
    expect(choice.kind).toBe('tcg');
    expect(choice.reason).toContain('aarch64');
  });

  it('is TCG with the reason when KVM is not usable', () => {
    expect(chooseAccelerator('auto', 'x86_64', { usable: false, reason: 'no device' }, 'x64')).toEqual({
      kind: 'tcg',
      reason: 'no device',
    });
  });

  it('takes an explicit choice at its word', () => {
    expect(chooseAccelerator('kvm', 'x86_64', { usable: false, reason: 'x' }, 'x64').kind).toBe('kvm');
    expect(chooseAccelerator('tcg', 'x86_64', usable, 'x64').kind).toBe('tcg');
  });
});
