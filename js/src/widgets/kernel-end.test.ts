// A kernel that is gone for good, by a stand-in for JupyterLab's connection to it.
import { describe, expect, it, vi } from 'vitest';

import { watchKernel } from './kernel-end';

describe('the models of a notebook', () => {
  it('are told once when their kernel is gone, however many explorers there are', () => {
    const slots: (() => void)[] = [];
    const kernel = { disposed: { connect: (slot: () => void) => slots.push(slot) > 0 } };
    const manager = { kernel, disconnect: vi.fn() };
    watchKernel(manager);
    watchKernel(manager);
    expect(manager.disconnect).not.toHaveBeenCalled();
    slots.forEach((slot) => slot());
    expect(manager.disconnect).toHaveBeenCalledOnce();
  });

  it.each([{}, { kernel: null }, { kernel: {} }])(
    'are watched for nothing without one: %j',
    (manager) => {
      expect(() => watchKernel(manager)).not.toThrow();
    },
  );
});
