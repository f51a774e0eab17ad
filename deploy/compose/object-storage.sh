# rclone serves a folder as S3: to those who sign with the installation's keys, and nothing but that folder.
set -eu
folder=/var/lib/darkroom/objects
bucket=$folder/${DARKROOM_S3_BUCKET:-darkroom}
# rclone removes a folder with its last object; uploads come and go in this one.
mkdir -p "$bucket/uploads"
: > "$bucket/uploads/.keep"
# What a killed server was still receiving.
find "$folder" -name '.rclone_temp_put_*' -delete
RCLONE_AUTH_KEY=$(cat /etc/darkroom/secrets/auth-key)
export RCLONE_AUTH_KEY XDG_CACHE_HOME=/tmp
exec rclone serve s3 --addr=0.0.0.0:9000 --config=/dev/null --ignore-checksum --no-unicode-normalization --multipart-max-uploads=20000 "$folder"
