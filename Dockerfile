FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 DATA_DIR=/data GRANIAN_HOST=0.0.0.0

RUN useradd --create-home --uid 10001 callsign && install -d -o callsign -g callsign /data /data/media
WORKDIR /app

COPY requirements/base.txt requirements/base.txt
RUN pip install --require-hashes -r requirements/base.txt

COPY . .
USER callsign

# The values only let the settings load; nothing is connected to, nothing of them stays in the image.
RUN DATABASE_URL=postgres://none@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 SECRET_KEY=none FIELD_KEYS=none \
    PUBLIC_BASE_URL=http://localhost python manage.py collectstatic --no-input --verbosity 0

EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "8", "config.wsgi:application"]
