// The C face of SoundTouch that soundtouch.py calls. Samples are interleaved stereo float.
#include <soundtouch/SoundTouch.h>

using soundtouch::SoundTouch;

extern "C" {

void *stretcher_new(unsigned rate_hz, double tempo, double pitch)
{
    auto *stretcher = new SoundTouch();
    stretcher->setSampleRate(rate_hz);
    stretcher->setChannels(2);
    stretcher->setTempo(tempo);
    stretcher->setPitch(pitch);
    return stretcher;
}

void stretcher_delete(void *stretcher)
{
    delete static_cast<SoundTouch *>(stretcher);
}

// Take `frames` of `in`; write at most `room` frames to `out`, and return how many.
unsigned stretcher_process(void *stretcher, const float *in, unsigned frames, float *out, unsigned room)
{
    auto *self = static_cast<SoundTouch *>(stretcher);
    self->putSamples(in, frames);
    return self->receiveSamples(out, room);
}

}
