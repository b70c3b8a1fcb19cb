# SPDX-License-Identifier: Apache-2.0
"""Stands in for other libraries' modules, so that programs move over by changing an import."""
