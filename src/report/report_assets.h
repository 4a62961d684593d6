/* SPDX-License-Identifier: Apache-2.0 */
/* report_assets: the HTML page's style and script, embedded at build time by tools/embed.py. ASCII files. */
#ifndef TOLL_REPORT_REPORT_ASSETS_H
#define TOLL_REPORT_REPORT_ASSETS_H

extern const char report_css[];
extern const char report_js[];
extern const char report_js_hash[]; /* SHA-256, base64: the page's policy allows this script and no other */

#endif
