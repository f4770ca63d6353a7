import { existsSync } from 'node:fs';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

/** The machine's own browser; without one, that of `npx playwright install chromium`. */
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const both = ['tests/following.test.ts', 'tests/refused.test.ts', 'tests/faults.test.ts', 'tests/silence.test.ts'];

export default defineConfig({
  test: {
    globalSetup: './tests/lab/setup.ts',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 5, // They mostly wait: for a minute of silence, for gateways, for leases.
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'node', environment: 'node', include: ['tests/*.test.ts'], exclude: ['tests/player.test.ts', 'tests/asleep.test.ts'] } },
      {
        extends: true,
        // Found while tests run, they would make the page load anew in the middle of them.
        optimizeDeps: { include: ['hls.js', 'video.js'] },
        test: {
          name: 'chromium',
          include: [...both, 'tests/player.test.ts', 'tests/asleep.test.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
