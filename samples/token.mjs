// Prints a token: node token.mjs SUB ROLE [SECONDS]. Key and issuer are in the environment.
import { createHmac } from 'node:crypto';

const [sub, role, seconds = 300] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const claims = { iss: process.env.NOVA_ISSUER, aud: 'nova', sub, role, iat: now, exp: now + Number(seconds) };

const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');

const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
const key = Buffer.from(process.env.NOVA_SIGNING_KEY, 'base64'); // The key is the bytes, not their base64 text.
console.log(`${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`);
