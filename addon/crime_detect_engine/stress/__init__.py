"""Owns hard questions to a model: spoiled pictures, hours of footage, splices, patches, small perturbations."""
