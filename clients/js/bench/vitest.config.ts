import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { globalSetup: './tests/lab/setup.ts', include: ['bench/*.test.ts'], hookTimeout: 60_000 } });
