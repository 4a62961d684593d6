/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_assets: the styles and scripts of pages and pictures, embedded at build time by tools/embed.py. ASCII files.
 *
 * tokens.css has the colours, light and dark, that all others use. flame.js and flame.css serve the page and the SVG alike.
 * Of a script the hash is its SHA-256, base64: the page's policy allows these scripts and no other.
 */
#ifndef TOLL_REPORT_REPORT_ASSETS_H
#define TOLL_REPORT_REPORT_ASSETS_H

extern const char tokens_css[];
extern const char report_css[];
extern const char report_js[];
extern const char report_js_hash[];
extern const char flame_css[];
extern const char flame_js[];
extern const char flame_js_hash[];
extern const char timeline_css[];
extern const char timeline_js[];
extern const char timeline_js_hash[];

#endif
