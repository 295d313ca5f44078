"""Uploads the pictures of one clip's prediction."""

from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.generation.replicate.conditioning import ConditioningFiles, MediaFile
from chunk_assets.generation.replicate.inputs import MediaUrls


class Uploads:
    """The files of one clip, uploaded again for each prediction.

    The URL of the conditioning image identifies the prediction in the ledger.
    """

    def __init__(self, api: ReplicateApi, files: ConditioningFiles):
        self._api, self._files = api, files
        self._others = MediaUrls("")

    def upload(self) -> str:
        """Upload all files, and return the conditioning image's URL.

        Raises:
            MediaError: A file cannot be read.
            GenerationError: One could not be uploaded.
        """
        files = self._files
        conditioning = self._url(files.conditioning)
        end = self._url(files.end_image) if files.end_image else None
        self._others = MediaUrls(conditioning, end, tuple(map(self._url, files.references)))
        return conditioning

    def urls(self, conditioning: str) -> MediaUrls:
        """Return the URLs of the last upload, with this one of the conditioning image."""
        return MediaUrls(conditioning, self._others.end_image, self._others.references)

    def _url(self, file: MediaFile) -> str:
        return self._api.upload(file.path, file.content_type)
