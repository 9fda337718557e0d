#!/usr/bin/env bash
# Builds the images of the commit that is checked out and pushes them to ECR. The migration's comes first, since the
# push of the service's opens the release. An image that is there already is left alone, so a job may run again.
#
#   REGISTRY               123456789012.dkr.ecr.eu-central-1.amazonaws.com
#   REPOSITORY             web
#   MIGRATION_REPOSITORY   web-migrate; left out for a service without migrations
#
# The labels of the schema change with the migrations, so they stand in the Dockerfiles, in the same commit:
#   Dockerfile             LABEL dev.spillway.schema="0002"
#   Dockerfile.migrate     LABEL dev.spillway.schema.history="0001,0002" dev.spillway.schema.readable-from="0001"
set -euo pipefail

commit="$(git rev-parse HEAD)"
tag="${commit:0:12}"
# The order of releases. Whichever job is quicker, the later commit is the newer release.
sequence="$(git show -s --format=%ct HEAD)"

# Who is asked about it, and who may not approve it: the commit's author.
author="$(git show -s --format=%ae HEAD)"

is_there() { # REPOSITORY
  local found
  found="$(aws ecr batch-get-image --repository-name "$1" --image-ids imageTag="$tag" \
    --query 'images[].imageId.imageDigest' --output text)"
  [ -n "$found" ]
}

require_label() { # IMAGE LABEL
  local value
  value="$(docker inspect --format "{{index .Config.Labels \"$2\"}}" "$1" || true)"
  if [ -n "$value" ]; then return; fi
  echo "$1 has no label $2. Add it to its Dockerfile: without it no rollback can be judged." >&2
  exit 1
}

build_and_push() { # REPOSITORY DOCKERFILE LABEL…
  local image="$REGISTRY/$1:$tag" repository="$1" dockerfile="$2" label
  shift 2
  if is_there "$repository"; then
    echo "$image is there already."
    return
  fi
  # One manifest and no index: ECR tells of each manifest, and scans no index.
  docker build --tag "$image" --file "$dockerfile" --platform linux/amd64 --provenance=false \
    --label org.opencontainers.image.revision="$commit" --label dev.spillway.sequence="$sequence" \
    --label dev.spillway.author="$author" .
  for label in "$@"; do require_label "$image" "$label"; done
  docker push "$image"
}

aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
if [ -n "${MIGRATION_REPOSITORY:-}" ]; then
  build_and_push "$MIGRATION_REPOSITORY" Dockerfile.migrate dev.spillway.schema.history dev.spillway.schema.readable-from
  build_and_push "$REPOSITORY" Dockerfile dev.spillway.schema
else
  build_and_push "$REPOSITORY" Dockerfile
fi
